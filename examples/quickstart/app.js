// Logs in, keeps the access token in memory, refreshes it in time, and shows what happens.

const MARKER = '__Host-stateless-session'
const element = id => document.getElementById(id)

function createSession() {
  let token = null // stored nowhere else: after a reload, refresh brings another
  let known // the marker that was last acted upon
  let pending = null // the one refresh in flight
  let abort = new AbortController()
  let failures = 0
  let retryAt = 0 // when to ask again, while the server does not answer
  const tabs = new BroadcastChannel(MARKER)

  // One clock stops while the computer sleeps, the other may be set back.
  const age = () => Math.max(performance.now() - token.steady, Date.now() - token.wall)
  const left = () => (token ? Math.max(0, token.life - age()) : 0)

  // The marker tells how this browser stands: gone means signed out, another one means another session.
  function look() {
    const marker = readMarker()
    if (marker === known) return
    if (known === undefined) log(marker ? 'session marker found: refreshing' : 'no session marker: no request')
    else log(marker ? 'another session began in this browser' : 'the session marker is gone: signed out', 'warn')
    settle(marker)
    if (marker) refresh()
    paint()
  }

  function settle(marker, next = null) {
    known = marker
    token = next
    failures = retryAt = 0
  }

  function refresh() {
    pending ??= ask().finally(() => {
      pending = null
      paint()
    })
    return pending
  }

  async function ask() {
    const marker = readMarker()
    if (!marker) {
      look()
      return false
    }
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(10_000)])
    const response = await fetch('/auth/refresh', { method: 'POST', signal }).catch(() => null)
    const answer = await response?.json().catch(() => null)
    if (response?.ok && answer && (await adopt(answer))) {
      log('token refreshed', 'good')
      return true
    }
    if (readMarker() !== marker) {
      look()
      return ask() // the answer was about a session that is over
    }
    if (response?.status === 401 && answer?.code?.startsWith('session_')) {
      log(`refresh refused: ${answer.code}`, 'bad')
      if (answer.code === 'session_ended') forget()
      else settle(marker) // not final: the next page load asks once more
      return false
    }
    // Anything else is an outage, and an outage is not a logout.
    const most = Math.min(60, 2 ** ++failures)
    const wait = Math.max(most * Math.random(), Number(response?.headers.get('Retry-After')) || 1)
    retryAt = Date.now() + wait * 1000
    const what = response ? `refresh failed: ${response.status}` : 'the server does not answer'
    log(`${what}; again in ${Math.ceil(wait)} s`, 'warn')
    return false
  }

  // A token counts only beside the marker it was issued with: no late answer revives or swaps a session.
  async function adopt({ access_token, expires_in }) {
    const claims = payload(access_token)
    const marker = readMarker()
    if (!marker || claims.sid !== (await sidOf(marker)) || readMarker() !== marker) return false
    const life = expires_in * 1000
    const lead = Math.min(30_000, life / 5) * (0.8 + 0.2 * Math.random())
    const born = { steady: performance.now(), wall: Date.now() }
    settle(marker, { value: access_token, claims, life, lead, ...born })
    return true
  }

  function forget() {
    document.cookie = `${MARKER}=; Path=/; Secure; SameSite=Strict; Max-Age=0`
    settle(readMarker()) // reading makes the browser finish writing before other tabs are told to look
    tabs.postMessage('changed')
  }

  async function login(name, password) {
    const headers = { 'Content-Type': 'application/json' }
    const body = JSON.stringify({ name, password })
    const response = await fetch('/login', { method: 'POST', headers, body })
    if (response.status === 401) throw new Error('Wrong name or password.')
    if (!response.ok) throw new Error(`The server refused: ${response.status}.`)
    if (!(await adopt(await response.json()))) {
      if (!readMarker()) throw new Error('This browser did not store the session cookies.')
      return look() // another tab logged in at the same moment
    }
    log(`logged in as ${name}`, 'good')
    tabs.postMessage('changed')
    paint()
  }

  async function logout() {
    abort.abort()
    abort = new AbortController()
    forget() // without the marker the refresh cookie is worthless, even if the server is not reached
    log('logged out')
    paint()
    await fetch('/auth/logout', { method: 'POST', keepalive: true }).catch(() => null)
  }

  async function request(path, options) {
    if (left() === 0 && (token || pending || retryAt)) await refresh()
    const sid = token?.claims.sid
    const send = () => {
      const headers = left() > 0 ? { Authorization: `Bearer ${token.value}` } : {}
      return fetch(path, { ...options, headers })
    }
    const response = await send()
    const challenge = response.headers.get('WWW-Authenticate')
    if (response.status !== 401 || !challenge?.includes('error="invalid_token"')) return response
    log(`${path}: token refused; refreshing and repeating`, 'warn')
    return (await refresh()) && token?.claims.sid === sid ? send() : response
  }

  function tick() {
    if (document.hidden) return
    look()
    if (retryAt ? Date.now() >= retryAt : token && left() <= token.lead) refresh()
    paint()
  }

  tabs.onmessage = look
  addEventListener('pageshow', event => event.persisted && look())
  addEventListener('online', () => { retryAt &&= 1 })
  addEventListener('visibilitychange', tick)
  setInterval(tick, 250)

  const state = () => (retryAt ? 'offline' : token ? 'in' : pending ? 'unknown' : 'out')
  const status = () => ({ state: state(), claims: token?.claims, left: left(), life: token?.life })
  return { look, refresh, login, logout, request, status }
}

function readMarker() {
  const pair = document.cookie.split('; ').find(pair => pair.startsWith(`${MARKER}=`))
  return pair ? pair.slice(MARKER.length + 1) : null
}

async function sidOf(marker) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(marker))
  const base64 = btoa(String.fromCharCode(...new Uint8Array(digest, 0, 16)))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function payload(token) {
  const binary = atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, char => char.charCodeAt(0))))
}

let shown // whose answers stand on the page

function paint() {
  const { state, claims, left, life } = session.status()
  if (shown !== claims?.sid) {
    for (const output of document.querySelectorAll('output')) output.replaceChildren()
    shown = claims?.sid
  }
  document.body.dataset.state = state
  element('login').hidden = state !== 'out'
  element('session').hidden = !claims
  write('status', {
    unknown: 'Looking for a session',
    out: 'Signed out',
    in: `Signed in as ${claims?.name}`,
    offline: 'The server does not answer; you stay signed in',
  }[state])
  if (!claims) return
  write('who-name', claims.name)
  write('who-role', claims.role)
  write('seconds', Math.ceil(left / 1000).toString())
  element('who-role').className = `badge ${claims.role}`
  element('bar').style.width = `${(100 * left) / life}%`
}

// Only what differs, or a screen reader would repeat it four times a second.
function write(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text
}

function log(text, kind = '') {
  const item = document.createElement('li')
  const time = document.createElement('time')
  time.textContent = new Date().toLocaleTimeString('en-GB')
  item.className = kind
  item.append(time, text)
  element('events').prepend(item)
}

async function call(path, output) {
  try {
    const response = await session.request(path)
    const text = await response.text()
    const status = document.createElement('b')
    status.textContent = response.status
    status.className = response.ok ? 'good' : 'bad'
    output.replaceChildren(status, text)
    log(`${path}: ${response.ok ? 'ok' : `refused, ${JSON.parse(text).code}`}`, status.className)
  } catch {
    output.replaceChildren()
    log(`${path}: the server does not answer`, 'warn')
  }
}

const session = createSession()
const form = document.querySelector('form')

form.onsubmit = async event => {
  event.preventDefault()
  write('problem', '')
  form.inert = true
  try {
    await session.login(form.elements.name.value, form.elements.password.value)
    form.reset()
  } catch (error) {
    write('problem', error instanceof TypeError ? 'The server does not answer.' : error.message)
    log(`login failed: ${element('problem').textContent}`, 'bad')
  }
  form.inert = false
  form.elements.password.focus()
}
for (const button of document.querySelectorAll('[data-password]')) {
  button.onclick = () => {
    form.elements.name.value = button.dataset.name
    form.elements.password.value = button.dataset.password
    form.requestSubmit()
  }
}
for (const button of document.querySelectorAll('[data-path]')) {
  button.onclick = () => call(button.dataset.path, button.parentElement.querySelector('output'))
}
element('refresh').onclick = session.refresh
element('logout').onclick = session.logout
element('everywhere').onclick = async () => {
  const response = await session.request('/logout-everywhere', { method: 'POST' }).catch(() => null)
  if (!response?.ok) return log('the server did not end the sessions', 'bad')
  log('other browsers are out at their next refresh')
  await session.logout()
}
session.look()
