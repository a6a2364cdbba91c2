// Shows what the session does; the module that the session routes serve does it.
import { createSession } from '/auth/client.js'

const session = createSession()
const element = id => document.getElementById(id)
const focus = id => element(id).focus()

const STATUS = {
  unknown: () => 'Looking for a session',
  out: () => 'Signed out',
  in: claims => `Signed in as ${claims.name}`,
  offline: () => 'The server does not answer; you stay signed in',
  login_required: () => 'This needs a more recent login',
}

const EVENTS = {
  login: 'logged in',
  logout: 'logged out',
  refresh: 'token refreshed',
  unavailable: 'the server does not answer; trying again',
  session_ended: 'refresh refused: session_ended',
  session_unknown: 'refresh refused: session_unknown',
  login_required: 'a more recent login is needed',
}

const PROBLEMS = {
  cookies_blocked: isSecureContext
    ? 'The browser did not store the cookies. Safari stores them over https only.'
    : 'This page is no secure context, so browsers store no session cookies here: use https, or localhost.',
}

const START = {
  unknown: 'session marker found: refreshing',
  out: 'no session marker: no request',
}

let born = 0 // when the token came, and how long it lives, for the countdown
let life = 0
let shown // whose answers stand on the page

async function show({ state, claims, reason }) {
  paint(state, claims)
  log(EVENTS[reason] ?? START[state], { login: 'good', refresh: 'good', unavailable: 'warn' }[reason])
  if (state !== 'in') return
  const { iat, exp } = payload(await session.token())
  born = performance.now()
  life = (exp - iat) * 1000
}

function paint(state, claims) {
  if (shown !== claims?.sub) {
    for (const output of document.querySelectorAll('output')) output.replaceChildren()
    shown = claims?.sub
  }
  document.body.dataset.state = state
  const focused = document.activeElement?.closest('section')
  element('login').hidden = state !== 'out'
  element('session').hidden = !claims
  element('status').textContent = STATUS[state](claims)
  // It goes to what took the place of what had it, and not to the top of the page.
  if (focused?.hidden) focus(claims ? 'who' : 'name')
  if (!claims) return
  element('who-name').textContent = claims.name
  element('who-role').textContent = claims.role
  element('who-role').className = `badge ${claims.role}`
}

setInterval(() => {
  const left = Math.max(0, born + life - performance.now())
  element('seconds').textContent = Math.ceil(left / 1000)
  element('bar').style.width = `${life && (100 * left) / life}%`
}, 250)

function payload(token) {
  return JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')))
}

function log(text, kind = '') {
  const item = document.createElement('li')
  const time = document.createElement('time')
  time.textContent = new Date().toLocaleTimeString('en-GB')
  item.className = kind
  item.append(time, text)
  element('events').prepend(item)
}

async function login(name, password) {
  const headers = { 'Content-Type': 'application/json' }
  const body = JSON.stringify({ name, password })
  const response = await fetch('/login', { method: 'POST', headers, body })
  const { ok, status } = await session.adopt(response) // rejects where the browser did not store the cookies
  if (status === 401) throw new Error('Wrong name or password.')
  if (!ok) throw new Error(`The server refused: ${status}.`)
}

async function call(path, output) {
  try {
    const response = await session.fetch(path)
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

const form = document.querySelector('form')
form.onsubmit = async event => {
  event.preventDefault()
  element('problem').textContent = ''
  form.inert = true
  try {
    await login(form.elements.name.value, form.elements.password.value)
    form.reset()
  } catch (error) {
    const problem = error instanceof TypeError ? 'The server does not answer.' : (PROBLEMS[error.code] ?? error.message)
    element('problem').textContent = problem
    log(`login failed: ${problem}`, 'bad')
  }
  form.inert = false
  focus(element('login').hidden ? 'who' : 'password')
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
element('logout').onclick = () => session.logout()
element('everywhere').onclick = async () => {
  const response = await session.fetch('/logout-everywhere', { method: 'POST' }).catch(() => null)
  if (!response?.ok) return log('the server did not end the sessions', 'bad')
  log('other browsers are out at their next refresh')
  await session.logout()
}
session.subscribe(show)
show(session.snapshot())
