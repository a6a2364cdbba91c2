// The module comes from the API: it knows the session routes, and that this page cannot read the session marker.
import { createSession } from 'https://api.example.com/auth/sibling.js'

const API = 'https://api.example.com'
const session = createSession({ origins: [API] })

const find = selector => document.querySelector(selector)
const json = (method, body) => ({ method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
const STATUS = { unknown: 'Looking for a session', out: 'Signed out', offline: 'The server does not answer; you stay signed in' }

session.subscribe(show)
show(session)

function show({ state, claims }) {
  find('#status').textContent = STATUS[state] ?? `Signed in as ${claims.sub}`
  find('#login').hidden = state !== 'out'
  find('#notes').hidden = !claims
  if (claims) list()
}

let asked = 0
async function list() {
  const turn = ++asked
  const notes = await (await session.fetch(`${API}/notes`)).json()
  if (turn !== asked) return // a later answer may have come before
  find('ul').replaceChildren(
    ...notes.map((note, index) => {
      const [item, button] = [document.createElement('li'), document.createElement('button')]
      button.textContent = 'Delete'
      button.onclick = () => session.fetch(`${API}/notes/${index}`, { method: 'DELETE' }).then(list)
      item.append(note, ' ', button)
      return item
    }),
  )
}

find('#login').onsubmit = async event => {
  event.preventDefault()
  const form = Object.fromEntries(new FormData(event.target))
  // `include`, or the browser keeps no cookie of another origin.
  const answer = await session.adopt(await fetch(`${API}/login`, { ...json('POST', form), credentials: 'include' }))
  find('[role=alert]').textContent = answer.ok ? '' : 'Wrong name or password'
  if (answer.ok) event.target.reset()
}

find('#add').onsubmit = async event => {
  event.preventDefault()
  await session.fetch(`${API}/notes`, json('POST', new FormData(event.target).get('note')))
  event.target.reset()
  await list()
}

find('#logout').onclick = () => session.logout()
