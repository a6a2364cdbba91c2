// The account page, and an administrator's part of it. The module that the session routes serve does the session.
import { createSession } from '/auth/client.js'

const session = createSession()
const element = id => document.getElementById(id)

const POLL = 2_000

const STATUS = {
  unknown: () => 'Looking for a session',
  out: () => 'Signed out',
  in: claims => `Signed in as ${claims.name}`,
  offline: () => 'The server does not answer; you stay signed in',
  login_required: () => 'This needs a more recent login',
}

const lists = {
  own: { list: element('devices'), title: element('account-title'), path: '/api/devices', shown: new Map() },
  theirs: { list: element('theirs'), title: element('admin-title'), path: '', shown: new Map() },
}

let note = '' // what the last action did, until the next one

// --- a device in words ---

const SYSTEMS = [
  [/iPhone/, 'iPhone'], [/iPad/, 'iPad'], [/Android/, 'Android'], [/CrOS/, 'ChromeOS'],
  [/Windows/, 'Windows'], [/Mac OS X|Macintosh/, 'macOS'], [/Linux|X11/, 'Linux'],
]
// 64 bytes are kept, in which no browser has said its name yet, but all have named their engine.
const ENGINES = [[/AppleWebKit\/537/, 'Chrome or Edge'], [/AppleWebKit|iPhone|iPad/, 'Safari'], [/Gecko\/|rv:/, 'Firefox']]

function nameOf(browser) {
  const find = table => table.find(([pattern]) => pattern.test(browser))?.[1]
  if (!browser) return 'Unknown browser'
  if (!browser.startsWith('Mozilla/')) return browser.split(/[\s/]/)[0]
  return [find(ENGINES) ?? 'A browser', find(SYSTEMS)].filter(Boolean).join(' on ')
}

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const ABSOLUTE = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' })

function ago(seconds) {
  const age = Math.max(0, Math.round(Date.now() / 1000 - seconds))
  if (age < 10) return 'just now'
  for (const [unit, size] of [['day', 86_400], ['hour', 3_600], ['minute', 60]]) {
    if (age >= size) return RELATIVE.format(-Math.floor(age / size), unit)
  }
  return RELATIVE.format(-age, 'second')
}

// --- the lists ---

/** One `li` for each device, which stays the same element, so that a reader is not thrown off by the next answer. */
function paint(which, devices, own) {
  const { list, title, shown } = lists[which]
  for (const [sid, item] of shown) {
    if (devices.some(device => device.sid === sid)) continue
    if (item.contains(document.activeElement)) title.focus()
    item.remove()
    shown.delete(sid)
  }
  for (const device of devices) {
    const item = shown.get(device.sid) ?? newItem(which, device, device.sid === own)
    shown.set(device.sid, item)
    const [first, last] = item.querySelectorAll('time')
    time(first, device.first_seen, ABSOLUTE.format(device.first_seen * 1000))
    time(last, device.last_seen, ago(device.last_seen))
  }
  list.classList.toggle('empty', devices.length === 0)
}

function time(element, seconds, text) {
  element.dateTime = new Date(seconds * 1000).toISOString()
  if (element.textContent !== text) element.textContent = text
}

function make(tag, className, ...content) {
  const made = document.createElement(tag)
  made.className = className
  made.append(...content)
  return made
}

function newItem(which, device, isThis) {
  const name = nameOf(device.browser)
  const title = make('strong', '', name)
  title.title = device.browser ?? ''
  const times = make('span', 'times', 'First seen ', make('time', ''), ', last seen ', make('time', ''))
  const item = make('li', isThis ? 'this' : '', make('div', '', title, times))
  if (isThis) {
    title.after(make('span', 'badge good', 'this device'))
    lists[which].list.prepend(item)
    return item
  }
  const button = make('button', '', 'End')
  button.type = 'button'
  button.setAttribute('aria-label', `End the session of ${name}, first seen ${ABSOLUTE.format(device.first_seen * 1000)}`)
  button.onclick = () =>
    act(button, `${lists[which].path}/${device.sid}`, () => `The session of ${name} has ended`)
  item.append(button)
  lists[which].list.append(item)
  return item
}

function clear() {
  for (const { list, shown } of Object.values(lists)) {
    shown.clear()
    list.replaceChildren()
  }
  element('user').replaceChildren()
  lists.theirs.path = ''
}

// --- calls ---

async function call(path, options) {
  const response = await session.fetch(path, { cache: 'no-store', ...options })
  const node = response.headers.get('x-node')
  if (node) element('node').textContent = `Node ${node} answered.`
  return response
}

async function read(path) {
  const response = await call(path)
  if (response.status === 503) throw new Error('The session registry does not answer; you stay signed in')
  if (!response.ok) throw new Error(`The server refused: ${response.status}`)
  return response.json()
}

/** DELETE, and what to say of it. */
async function act(button, path, done) {
  if (button.ariaDisabled === 'true') return
  button.ariaDisabled = 'true' // and not `disabled`, which would take the focus from it
  try {
    const response = await call(path, { method: 'DELETE' })
    if (response.ok) note = done(response.status === 200 ? await response.json() : null)
    else if (response.status === 404) note = 'That session is over already'
    else if (response.status === 503) note = 'The registry does not answer: it ends elsewhere when that is back'
    else note = `The server refused: ${response.status}`
  } catch (error) {
    note = error.message
  }
  button.ariaDisabled = 'false'
  await look()
}

let looking = 0

/** Asks for what the page shows; an answer that comes behind a later one is dropped. */
async function look() {
  const turn = ++looking
  if (session.state !== 'in') return
  try {
    const { this: own, devices } = await read(lists.own.path)
    const theirs = session.claims?.role === 'admin' ? await lookAtOthers() : null
    if (turn !== looking || session.state !== 'in') return
    paint('own', devices, own)
    element('others').hidden = devices.length < 2
    if (theirs) paint('theirs', theirs, own)
    element('all').hidden = !theirs?.length
    tell()
  } catch (error) {
    if (turn === looking && session.state === 'in') tell(error.message)
  }
}

async function lookAtOthers() {
  const select = element('user')
  if (!select.options.length) {
    const others = await read('/api/users')
    select.replaceChildren(...others.map(user => new Option(`${user.name} (${user.role})`, user.id)))
  }
  lists.theirs.path = `/api/users/${select.value}/devices`
  return read(lists.theirs.path)
}

function tell(trouble) {
  const { state, claims } = session.snapshot()
  document.body.dataset.trouble = String(Boolean(trouble))
  const text = trouble ?? (note || STATUS[state](claims))
  if (element('status').textContent !== text) element('status').textContent = text
}

// --- the page ---

const ENDED = 'This session was ended from elsewhere'

function show({ state, claims, reason }) {
  const focused = document.activeElement?.closest('section')
  document.body.dataset.state = state
  if (reason === 'session_ended') note = ENDED
  else if (state === 'out' || reason === 'login') note = ''
  if (!claims) clear()
  element('login').hidden = state !== 'out'
  element('account').hidden = !claims
  element('admin').hidden = claims?.role !== 'admin'
  // It goes to what took the place of what had it, and not to the top of the page.
  if (focused?.hidden) element(claims ? 'account-title' : 'login-title').focus()
  tell()
  if (state === 'in') look()
}

const form = document.querySelector('form')

form.onsubmit = async event => {
  event.preventDefault()
  const problem = element('problem')
  problem.textContent = ''
  const { name, password } = form.elements
  try {
    const headers = { 'Content-Type': 'application/json' }
    const body = JSON.stringify({ name: name.value, password: password.value })
    const response = await session.adopt(await fetch('/login', { method: 'POST', headers, body }))
    if (response.status === 401) throw new Error('Wrong name or password.')
    if (!response.ok) throw new Error(`The server refused: ${response.status}.`)
    form.reset()
  } catch (error) {
    problem.textContent = error.code === 'cookies_blocked' ? 'The browser did not store the cookies.' : error.message
  }
}

for (const button of document.querySelectorAll('[data-password]')) {
  button.onclick = () => {
    form.elements.name.value = button.dataset.name
    form.elements.password.value = button.dataset.password
    form.requestSubmit()
  }
}

element('logout').onclick = () => session.logout()
element('others').onclick = event =>
  act(event.currentTarget, lists.own.path, ({ ended }) => `${ended} ${ended === 1 ? 'session has' : 'sessions have'} ended`)
element('all').onclick = event => act(event.currentTarget, lists.theirs.path, () => 'All their sessions have ended')
element('user').onchange = () => {
  paint('theirs', [])
  look()
}

setInterval(() => document.visibilityState === 'visible' && look(), POLL)
session.subscribe(show)
show(session.snapshot())
