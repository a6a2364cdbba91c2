// The example with a page and its API on two origins of one site, and a third origin that nobody listed.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, test } from 'node:test'
import * as h from './helpers.mjs'

let example, api, browser, stranger
before(async () => {
  example = await h.startSiblings()
  const script = await (await fetch(`${example.origin}/page.js`)).text()
  api = script.match(/http:\/\/localhost:\d+/)[0]
  browser = await h.startBrowser()
  stranger = http.createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<title>stranger</title>'))
  await once(stranger.listen(0, '127.0.0.1'), 'listening')
})
after(async () => {
  await browser?.close()
  await example?.stop()
  stranger?.close()
  stranger?.closeAllConnections()
})

const is = (page, text) => page.getByRole('status').filter({ hasText: new RegExp(`^${text}$`) }).waitFor()

async function open(context) {
  const page = await context.newPage()
  await page.goto(example.origin)
  return page
}

async function login(page, name, password = 'wonderland') {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
}

async function add(page, note) {
  await page.getByLabel('Note').fill(note)
  await page.getByRole('button', { name: 'Add' }).click()
  await page.getByRole('listitem').filter({ hasText: note }).waitFor()
}

test('a page logs in at its sibling, comes back, and is of one mind with another tab', async t => {
  const context = await h.visitor(t, browser)
  await context.clock.install()
  const errors = []
  context.on('console', message => message.type() === 'error' && errors.push(message.text()))
  const page = await open(context)
  await is(page, 'Signed out')
  await login(page, 'alice', 'wrong')
  await page.getByRole('alert').filter({ hasText: 'Wrong name or password' }).waitFor()
  await login(page, 'alice')
  await is(page, 'Signed in as alice')
  await add(page, 'milk')
  await add(page, 'bread')

  await page.reload()
  await is(page, 'Signed in as alice')
  await page.getByRole('listitem').filter({ hasText: 'bread' }).waitFor()
  const other = await open(context)
  await is(other, 'Signed in as alice')

  // DELETE is asked about first.
  await page.getByRole('listitem').filter({ hasText: 'milk' }).getByRole('button').click()
  await h.until(async () => (await page.getByRole('listitem').count()) === 1, 'one note')

  // A token that ends is refreshed, across the origins, by either of the tabs.
  const refreshed = context.waitForEvent('response', response => response.url() === `${api}/auth/refresh` && response.status() === 200)
  // As behind a sleep: a clock that runs on would end requests that are under way.
  await context.clock.fastForward(61_000)
  await refreshed
  for (const tab of [page, other]) await is(tab, 'Signed in as alice')
  await add(page, 'butter')

  await page.getByRole('button', { name: 'Log out' }).click()
  for (const tab of [page, other]) await is(tab, 'Signed out')
  await page.reload()
  await is(page, 'Signed out')
  // Nothing but what was refused on purpose: the wrong password, and questions after a session where there is none.
  for (const error of errors) assert.match(error, /status of 401/)
})

test('a page of an origin that is not listed neither reads nor moves a session', async t => {
  const context = await h.visitor(t, browser)
  const page = await open(context)
  await login(page, 'alice')
  await is(page, 'Signed in as alice')
  const cookies = async () => (await context.cookies(`${api}/auth`)).map(({ name, value }) => `${name}=${value}`).sort()
  const before = await cookies()
  assert.equal(before.length, 2)
  const evil = await context.newPage()
  await evil.goto(`http://localhost:${stranger.address().port}`)
  const outcomes = await evil.evaluate(async api => {
    const credentials = 'include'
    const headers = { 'Content-Type': 'application/json' }
    const body = JSON.stringify({ name: 'mallory', password: 'wonderland' })
    const reads = async (path, options) => (await fetch(api + path, { credentials, ...options })).text()
    const attempts = [
      reads('/auth/refresh', { method: 'POST' }),
      reads('/auth/logout', { method: 'POST' }),
      reads('/login', { method: 'POST', headers, body }),
      reads('/notes', {}),
    ]
    // What is sent without a question is answered, to nobody.
    for (const path of ['/auth/refresh', '/auth/logout']) await fetch(api + path, { credentials, method: 'POST', mode: 'no-cors' })
    return (await Promise.allSettled(attempts)).map(({ status }) => status)
  }, api)
  assert.deepEqual(outcomes, Array(4).fill('rejected'))
  assert.deepEqual(await cookies(), before)
  await page.reload()
  await is(page, 'Signed in as alice')
})

test('CORS says one origin, and what the module needs to read', async () => {
  const ask = async origin => {
    const headers = { origin, 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'authorization' }
    const answer = await fetch(`${api}/notes/0`, { method: 'OPTIONS', headers })
    return Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('access-control-')))
  }
  const asked = await ask(example.origin)
  assert.equal(asked['access-control-allow-origin'], example.origin)
  assert.equal(asked['access-control-allow-credentials'], 'true')
  assert.match(asked['access-control-allow-methods'], /DELETE/)
  assert.match(asked['access-control-allow-headers'], /authorization/)
  // Whoever asks is told the one that may, which is another.
  const other = await ask('http://localhost:1')
  assert.notEqual(other['access-control-allow-origin'], 'http://localhost:1')
  const refused = await fetch(`${api}/notes`, { headers: { origin: example.origin } })
  assert.equal(refused.status, 401)
  assert.match(refused.headers.get('access-control-expose-headers'), /www-authenticate/)
})
