// Several tabs and several users: one refresh serves all, a logout or login in one is seen by all.

import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import * as h from './helpers.mjs'

let server, browser
before(async () => {
  server = await h.startServer()
  browser = await h.startBrowser()
})
afterEach(() => server.control({ refresh: 'pass', logout: 'pass', renew: 'ok', ahead: 0 }))
after(async () => {
  await browser?.close()
  await server?.stop()
})

/** Signed in as `sub` in `count` tabs. */
async function tabs(t, count, sub = 'alice') {
  const context = await h.visitor(t, browser)
  const first = await h.open(context, server.origin)
  await h.login(first, sub)
  const more = []
  for (let n = 1; n < count; n++) more.push(await h.open(context, server.origin))
  for (const page of more) await h.reaches(page, 'in', sub)
  return [first, ...more]
}

test('a new tab gets the token from its siblings and asks no server', async t => {
  const [first] = await tabs(t, 1)
  // The siblings have 40 ms; a machine that runs other tests may need more.
  await first.context().addInitScript(() => {
    const { setTimeout } = window
    window.setTimeout = (run, wait) => setTimeout(run, wait === 40 ? 4_000 : wait)
  })
  const mark = await server.mark()
  const second = await h.open(first.context(), server.origin)
  await h.reaches(second, 'in', 'alice')
  assert.equal((await h.me(second)).sub, 'alice')
  assert.deepEqual(await server.seen('/auth/refresh', mark), [])
})

for (const count of [2, 5]) {
  test(`${count} tabs that refresh at once make one refresh and all go on`, async t => {
    const pages = await tabs(t, count)
    for (const page of pages) {
      await page.evaluate(() => {
        // Whoever waits for another tab's refresh has 3 s; a busy machine may need more.
        const { setTimeout } = window
        window.setTimeout = (run, wait) => setTimeout(run, wait === 3_000 ? 30_000 : wait)
        const { request } = LockManager.prototype
        LockManager.prototype.request = function (name, options, run) {
          return request.call(this, name, options, lock => {
            window.hasAskedForLock = true
            return run(lock)
          })
        }
      })
    }
    const mark = await server.mark()
    await server.control({ ahead: 120, refresh: 'hold' })
    // Every access token is refused now, so every tab needs a refresh.
    const answers = pages.map(page => h.me(page))
    for (const page of pages) await h.until(() => page.evaluate(() => window.hasAskedForLock))
    await server.control({ refresh: 'pass' })
    for (const answer of await Promise.all(answers)) assert.deepEqual(answer, { status: 200, sub: 'alice' })
    const refreshes = await server.seen('/auth/refresh', mark)
    assert.equal(refreshes.length, 1)
    for (const page of pages) assert.equal(await h.state(page), 'in')
  })

  test(`${count} tabs that refresh at once without a lock or a channel all go on`, async t => {
    const context = await h.visitor(t, browser)
    await context.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })
      BroadcastChannel.prototype.postMessage = () => {}
    })
    const pages = [await h.open(context, server.origin)]
    await h.login(pages[0], 'alice')
    while (pages.length < count) pages.push(await h.open(context, server.origin))
    for (const page of pages) await h.reaches(page, 'in', 'alice')
    const handled = await server.handled()
    await server.control({ ahead: 120, refresh: 'hold' })
    const answers = pages.map(page => h.me(page))
    // All of them are under way at the same time.
    await h.until(async () => (await server.handled()) === handled + count)
    await server.control({ refresh: 'pass' })
    for (const answer of await Promise.all(answers)) assert.deepEqual(answer, { status: 200, sub: 'alice' })
  })
}

test('a logout is seen by all tabs at once', async t => {
  const pages = await tabs(t, 3)
  // By then they would see it anyhow.
  for (const page of pages) await h.endTimers(page)
  await pages[1].evaluate(() => session.logout())
  for (const page of pages) await h.reaches(page, 'out')
  const mark = await server.mark()
  for (const page of pages) {
    assert.equal(await page.evaluate(() => session.token().catch(({ code }) => code)), 'out')
    assert.equal((await h.me(page)).status, 401)
  }
  const { requests } = await server.log()
  assert.deepEqual(requests.slice(mark).filter(({ path, bearer }) => bearer || path === '/auth/refresh'), [])
})

test('a login in one tab signs in the others', async t => {
  const context = await h.visitor(t, browser)
  const [one, other] = [await h.open(context, server.origin), await h.open(context, server.origin)]
  assert.equal(await h.state(other), 'out')
  await h.login(one, 'alice')
  await h.reaches(other, 'in', 'alice')
})

test('a logout answer that comes after the next login ends no session', async t => {
  const [first, second, third] = await tabs(t, 3)
  await server.control({ logout: 'hold' })
  const leaving = first.evaluate(() => session.logout())
  for (const page of [first, second, third]) await h.reaches(page, 'out')
  await h.login(second, 'bob')
  await h.reaches(third, 'in', 'bob')
  const marker = await h.markerOf(second)
  assert.match(marker, new RegExp(h.MARKER))
  await server.control({ logout: 'pass' })
  await leaving
  assert.equal(await h.markerOf(first), marker)
  // With the marker gone, nobody would be signed in behind a reload.
  await third.reload()
  await h.reaches(third, 'in', 'bob')
  assert.deepEqual(await h.me(third), { status: 200, sub: 'bob' })
})

test('a refresh answer that comes after a logout revives nothing', async t => {
  const [page] = await tabs(t, 1)
  // Far enough ahead that the answer also writes the refresh cookie anew.
  await server.control({ ahead: 1200, refresh: 'hold' })
  const handled = await server.handled()
  await page.evaluate(() => {
    window.answer = session.fetch('/api/me').then(({ status }) => status, ({ code }) => code)
    // As another library on the page would: nobody stops this one.
    window.unstoppable = fetch('/auth/refresh', { method: 'POST' }).then(({ status }) => status)
  })
  await h.until(async () => (await server.handled()) === handled + 2)
  // Or the refresh would end by its time limit.
  await h.endTimers(page)
  const aborted = page.waitForEvent('requestfailed', request => request.url().endsWith('/auth/refresh'))
  await page.evaluate(() => session.logout())
  await aborted
  await server.control({ refresh: 'pass' })
  assert.equal(await page.evaluate(() => window.unstoppable), 200)
  assert.equal(await page.evaluate(() => window.answer), 401)
  assert.equal(await h.state(page), 'out')
  assert.equal(await h.markerOf(page), '')
  assert.equal((await h.me(page)).status, 401)
  assert.equal(await page.evaluate(() => fetch('/auth/refresh', { method: 'POST' }).then(({ status }) => status)), 401)
  const mark = await server.mark()
  await page.reload()
  await h.ready(page)
  assert.equal(await h.state(page), 'out')
  assert.deepEqual(await server.seen('/auth/refresh', mark), [])
})

test('a login as another user while a refresh is under way wins, here and in the other tab', async t => {
  const [page, other] = await tabs(t, 2)
  await server.control({ ahead: 1200, refresh: 'hold' })
  const handled = await server.handled()
  await page.evaluate(() => void (window.answer = me().catch(({ code }) => code)))
  await h.until(async () => (await server.handled()) === handled + 1)
  await h.login(page, 'bob')
  await server.control({ refresh: 'pass' })
  assert.notEqual((await page.evaluate(() => window.answer)).sub, 'alice')
  for (const tab of [page, other]) {
    await h.reaches(tab, 'in', 'bob')
    assert.equal((await h.me(tab)).sub, 'bob')
  }
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'bob')
  for (const tab of [page, other]) {
    const subs = await tab.evaluate(() => window.seen.map(({ sub }) => sub))
    const since = subs.indexOf('bob')
    assert.ok(!subs.slice(since).includes('alice'), `${subs}`)
  }
})

test('a login in the other tab while a refresh is under way wins', async t => {
  const [page, other] = await tabs(t, 2)
  await server.control({ ahead: 1200, refresh: 'hold' })
  const handled = await server.handled()
  await page.evaluate(() => void (window.answer = me().catch(({ code }) => code)))
  await h.until(async () => (await server.handled()) === handled + 1)
  await h.login(other, 'bob')
  await server.control({ refresh: 'pass' })
  assert.notEqual((await page.evaluate(() => window.answer)).sub, 'alice')
  for (const tab of [page, other]) {
    await h.reaches(tab, 'in', 'bob')
    assert.equal((await h.me(tab)).sub, 'bob')
  }
})

test('a login that nobody told this tab of while a refresh is under way wins', async t => {
  const [page] = await tabs(t, 1)
  const other = await page.context().newPage()
  await other.goto(`${server.origin}/blank`)
  await server.control({ ahead: 1200, refresh: 'hold' })
  const handled = await server.handled()
  await page.evaluate(() => void (window.answer = me().catch(({ code }) => code)))
  await h.until(async () => (await server.handled()) === handled + 1)
  await h.endTimers(page)
  const login = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"sub":"bob"}' }
  assert.equal(await other.evaluate(login => fetch('/login', login).then(({ status }) => status), login), 200)
  assert.equal(await h.subject(page), 'alice')
  const told = await page.evaluate(() => window.seen.length)
  await server.control({ refresh: 'pass' })
  assert.notEqual((await page.evaluate(() => window.answer)).sub, 'alice')
  await h.reaches(page, 'in', 'bob')
  assert.equal((await h.me(page)).sub, 'bob')
  const since = await page.evaluate(told => window.seen.slice(told).map(({ sub }) => sub), told)
  assert.ok(!since.includes('alice'), `${since}`)
})

test('five tabs outlast a sleep and a server that is away, and a logout in one is seen by all', async t => {
  let own = await h.startServer()
  t.after(() => own.stop())
  const context = await h.visitor(t, browser)
  await context.clock.install()
  const pages = [await h.open(context, own.origin)]
  await h.login(pages[0], 'alice')
  while (pages.length < 5) pages.push(await h.open(context, own.origin))
  for (const page of pages) await h.reaches(page, 'in', 'alice')
  await own.stop()
  await context.clock.setSystemTime(Date.now() + 1_800_000)
  for (const page of pages) await h.reaches(page, 'offline', 'alice')
  // Nobody gets a token before the server's clock is where the pages' is.
  const away = route => route.abort()
  await context.route('**/auth/refresh', away)
  own = await h.startServer({ port: own.port })
  await own.control({ ahead: 1800 })
  await context.unroute('**/auth/refresh', away)
  await context.clock.runFor(10_000)
  for (const page of pages) await h.reaches(page, 'in', 'alice')
  for (const page of pages) assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
  assert.ok((await own.seen('/api/me')).every(({ status }) => status === 200))
  await pages[2].evaluate(() => session.logout())
  for (const page of pages) await h.reaches(page, 'out')
  for (const page of pages) assert.equal((await h.me(page)).status, 401)
})
