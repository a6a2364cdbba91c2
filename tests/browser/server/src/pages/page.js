import { createSession } from '/auth/client.js'

window.session = createSession()
window.seen = []
session.subscribe(({ state, claims, reason }) => {
  const sub = claims?.sub
  window.seen.push({ state, sub, reason })
  document.title = `${state} ${sub ?? ''}`
})

window.login = async sub => {
  const body = JSON.stringify({ sub })
  const response = await fetch('/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
  await session.adopt(response)
}

window.me = async path => {
  const response = await session.fetch(path ?? '/api/me')
  return { status: response.status, sub: response.ok ? (await response.json()).sub : undefined }
}
