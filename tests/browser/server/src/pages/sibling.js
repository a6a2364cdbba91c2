const api = new URLSearchParams(location.search).get('api')
const { createSession } = await import(`${api}/auth/sibling.js`)

window.session = createSession({ origins: [api] })

window.login = async sub => {
  const headers = { 'Content-Type': 'application/json' }
  const body = JSON.stringify({ sub })
  const response = await fetch(`${api}/login`, { method: 'POST', credentials: 'include', headers, body })
  await session.adopt(response)
}

window.me = async path => {
  const response = await session.fetch(api + (path ?? '/api/me'))
  return { status: response.status, sub: response.ok ? (await response.json()).sub : undefined }
}
