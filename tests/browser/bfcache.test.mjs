// Pages that come back from the back/forward cache as they were left.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as h from './helpers.mjs'

let server, browser
before(async () => {
  server = await h.startServer()
  browser = await h.startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

/** Signed in as alice, then on another page of the application, with the first one in the back/forward cache. */
async function away(t) {
  const page = await h.open(await h.visitor(t, browser), server.origin)
  await h.login(page, 'alice')
  await h.tellWhenShown(page)
  await page.goto(`${server.origin}/blank`)
  return page
}

test('a page from the back/forward cache goes on where the session is the same', h.whereKept(async t => {
  const page = await away(t)
  const mark = await server.mark()
  assert.deepEqual(await h.back(page), { persisted: true, state: 'in', sub: 'alice' })
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
  assert.deepEqual(await server.seen('/auth/refresh', mark), [])
}))

test('a page from the back/forward cache is signed out before it paints where the marker has vanished', h.whereKept(async t => {
  const page = await away(t)
  assert.equal(await page.evaluate(() => fetch('/auth/logout', { method: 'POST' }).then(({ status }) => status)), 204)
  assert.equal(await h.markerOf(page), '')
  const mark = await server.mark()
  assert.deepEqual(await h.back(page), { persisted: true, state: 'out', sub: 'nobody' })
  assert.equal((await h.me(page)).status, 401)
  const { requests } = await server.log()
  assert.deepEqual(requests.slice(mark).filter(({ bearer, path }) => bearer || path === '/auth/refresh'), [])
}))

test('a page from the back/forward cache shows the first user no more where another has logged in', h.whereKept(async t => {
  const page = await away(t)
  const login = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"sub":"bob"}' }
  assert.equal(await page.evaluate(login => fetch('/login', login).then(({ status }) => status), login), 200)
  const { persisted, sub } = await h.back(page)
  assert.ok(persisted && sub !== 'alice', sub)
  await h.reaches(page, 'in', 'bob')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'bob' })
}))

test('a page that goes back after a logout in another tab is signed out', async t => {
  const page = await away(t)
  const other = await h.open(page.context(), server.origin)
  await h.reaches(other, 'in', 'alice')
  await other.evaluate(() => session.logout())
  await page.evaluate(() => setTimeout(() => history.back()))
  await h.ready(page)
  await h.reaches(page, 'out')
  assert.equal((await h.me(page)).status, 401)
})
