// The page's clocks are wrong, stand still or jump. The server's clock is right throughout.

import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import * as h from './helpers.mjs'

let server, browser
before(async () => {
  server = await h.startServer()
  browser = await h.startBrowser()
})
afterEach(() => server.control({ ahead: 0 }))
after(async () => {
  await browser?.close()
  await server?.stop()
})

const HOUR = 3_600_000
const refreshes = async mark => (await server.seen('/auth/refresh', mark)).length

/** Signed in as alice on a computer whose wall clock is `skew` milliseconds ahead. */
async function signedIn(t, skew = 0) {
  const context = await h.visitor(t, browser)
  await context.clock.install({ time: Date.now() + skew })
  const page = await h.open(context, server.origin)
  await h.login(page, 'alice')
  return page
}

const wallClock = page => page.evaluate(() => Date.now())

for (const [where, skew] of [['ahead', HOUR], ['behind', -HOUR]]) {
  test(`a clock an hour ${where} changes nothing`, async t => {
    const page = await signedIn(t, skew)
    assert.ok(Math.abs((await wallClock(page)) - Date.now() - skew) < 60_000)
    let mark = await server.mark()
    for (let n = 0; n < 3; n++) assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
    assert.equal(await refreshes(mark), 0)
    await page.reload()
    await h.ready(page)
    await h.reaches(page, 'in', 'alice')
    assert.equal(await refreshes(mark), 1)
    // The end of the token is noticed at the right time all the same.
    mark = await server.mark()
    await server.control({ ahead: 120 })
    const old = await page.evaluate(() => session.token())
    await h.noteRefreshes(page)
    const asked = await h.nextRefresh(page)
    assert.ok(asked > 40_000 && asked < 55_000, `${asked} ms`)
    await h.until(async () => (await page.evaluate(() => session.token())) !== old)
    assert.equal(await refreshes(mark), 1)
    assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
    assert.ok((await server.seen('/api/me', mark)).every(({ status }) => status === 200))
  })
}

test('a clock that is set back hides the end of no token', async t => {
  const page = await signedIn(t)
  await page.clock.setSystemTime(Date.now() - HOUR)
  await server.control({ ahead: 120 })
  const mark = await server.mark()
  await page.clock.fastForward(90_000)
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
  assert.deepEqual((await server.seen('/api/me', mark)).map(({ status }) => status), [200])
})

test('a laptop that slept refreshes before it sends a dead token', async t => {
  const page = await signedIn(t)
  await server.control({ ahead: 1800 })
  const mark = await server.mark()
  // The wall clock jumps; timers and the monotonic clock stood still.
  const before = await page.evaluate(() => performance.now())
  await page.clock.setSystemTime(Date.now() + HOUR / 2)
  assert.ok((await page.evaluate(() => performance.now())) - before < 60_000)
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
  assert.deepEqual((await server.seen('/api/me', mark)).map(({ status }) => status), [200])
  assert.equal(await refreshes(mark), 1)
})

test('a laptop that slept refreshes by itself soon after it wakes', async t => {
  const page = await signedIn(t)
  await server.control({ ahead: 1800 })
  const mark = await server.mark()
  await page.clock.setSystemTime(Date.now() + HOUR / 2)
  await page.clock.runFor(2_500)
  await h.until(async () => (await refreshes(mark)) === 1)
  await h.reaches(page, 'in', 'alice')
})

test('a frozen page goes on when it is resumed', async t => {
  const page = await h.open(await h.visitor(t, browser), server.origin)
  await h.login(page, 'alice')
  const browserSide = await page.context().newCDPSession(page)
  await page.evaluate(() => {
    const { now } = Date
    window.sleep = ms => (Date.now = () => now() + ms)
  })
  await browserSide.send('Page.setWebLifecycleState', { state: 'frozen' })
  await page.evaluate(() => window.sleep(1_800_000))
  await server.control({ ahead: 1800 })
  const mark = await server.mark()
  await browserSide.send('Page.setWebLifecycleState', { state: 'active' })
  await h.until(async () => (await refreshes(mark)) === 1)
  await h.reaches(page, 'in', 'alice')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
  assert.deepEqual((await server.seen('/api/me', mark)).map(({ status }) => status), [200])
})

test('a laptop that slept longer than the session asks for login', async t => {
  const page = await signedIn(t)
  await server.control({ ahead: 7200 })
  await page.clock.setSystemTime(Date.now() + 2 * HOUR)
  assert.equal((await h.me(page)).status, 401)
  assert.equal(await h.state(page), 'out')
})
