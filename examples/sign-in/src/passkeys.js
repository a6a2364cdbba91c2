// Passkeys in a page. `via` is `fetch`, or the `fetch` of a session.

const post = (via, url, body) => {
  const headers = { 'Content-Type': 'application/json' }
  return via(url, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** Whether this browser has what it takes; others show no button. */
export const areSupported = () => 'parseRequestOptionsFromJSON' in (globalThis.PublicKeyCredential ?? {})

/** Resolves to the server's answer: 200, and the browser is signed in. Rejects where somebody cancels. */
export async function logIn(via = fetch) {
  const { state, options } = await (await post(via, '/passkeys/login/begin')).json()
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const answer = await navigator.credentials.get({ publicKey })
  return post(via, `/passkeys/login?state=${state}`, answer)
}

/** One more for whoever is signed in. */
export async function register(via) {
  const begun = await post(via, '/passkeys/registration/begin')
  if (!begun.ok) return begun
  const { state, options } = await begun.json()
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  const answer = await navigator.credentials.create({ publicKey })
  return post(via, `/passkeys/registration?state=${state}`, answer)
}
