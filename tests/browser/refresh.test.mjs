// The access token's end, the refusals that a refresh cures and those that it does not, and outages.

import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import * as h from './helpers.mjs'

let server, browser
before(async () => {
  server = await h.startServer()
  browser = await h.startBrowser()
})
afterEach(() => server.control({ refresh: 'pass', renew: 'ok', ahead: 0 }))
after(async () => {
  await browser?.close()
  await server?.stop()
})

/** Signed in as alice; with `isClockOurs`, the page's clocks and timers are the test's. */
async function signedIn(t, { isClockOurs = false, hasLocks = true } = {}) {
  const context = await h.visitor(t, browser)
  if (isClockOurs) await context.clock.install()
  if (!hasLocks) await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }))
  const page = await h.open(context, server.origin)
  await h.login(page, 'alice')
  return page
}

const refreshes = async mark => (await server.seen('/auth/refresh', mark)).length

// A lock spares the second request as well; without one, only the page's own order does.
for (const [where, hasLocks] of [['', true], [', without locks too', false]]) {
  test(`twenty parallel requests that the server refuses make one refresh and keep their bodies${where}`, async t => {
    const page = await signedIn(t, { hasLocks })
    const mark = await server.mark()
    const handled = await server.handled()
    await server.control({ ahead: 120, refresh: 'hold' })
    const bodies = Array.from({ length: 20 }, (_, n) => `body ${n}`)
    const answers = page.evaluate(bodies => {
      const post = body => session.fetch('/api/echo', { method: 'POST', body }).then(response => response.text())
      return Promise.all(bodies.map(post))
    }, bodies)
    // Nobody has a new token before all twenty are in need of one.
    const refused = async () => (await server.seen('/api/echo', mark)).filter(({ status }) => status === 401).length
    await h.until(async () => (await server.handled()) > handled && (await refused()) === 20)
    await server.control({ refresh: 'pass' })
    assert.deepEqual(await answers, bodies)
    assert.equal(await refreshes(mark), 1)
  })

  test(`twenty parallel requests after the end of the token wait for one refresh${where}`, async t => {
    const page = await signedIn(t, { hasLocks })
    await server.control({ ahead: 120 })
    const mark = await server.mark()
    const answers = await page.evaluate(() => {
      const { now } = Date
      Date.now = () => now() + 120_000
      return Promise.all(Array.from({ length: 20 }, () => me()))
    })
    assert.deepEqual(answers, Array(20).fill({ status: 200, sub: 'alice' }))
    assert.deepEqual((await server.seen('/api/me', mark)).map(({ status }) => status), Array(20).fill(200))
    assert.equal(await refreshes(mark), 1)
  })
}

test('a token is refreshed ahead of its end, while the page is visible', async t => {
  const page = await signedIn(t, { isClockOurs: true })
  await h.noteRefreshes(page)
  const asked = await h.nextRefresh(page)
  assert.ok(asked > 40_000 && asked < 55_000, `${asked} ms`)
})

test('a hidden page does not refresh, and does so when it is shown', async t => {
  const page = await signedIn(t, { isClockOurs: true })
  const show = isHidden =>
    page.evaluate(isHidden => {
      Object.defineProperty(document, 'hidden', { value: isHidden, configurable: true })
      Object.defineProperty(document, 'visibilityState', { value: isHidden ? 'hidden' : 'visible', configurable: true })
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    }, isHidden)
  await show(true)
  const mark = await server.mark()
  await page.clock.runFor(120_000)
  await server.control({ ahead: 120 })
  assert.equal(await refreshes(mark), 0)
  await show(false)
  await page.clock.runFor(100)
  await h.until(async () => (await refreshes(mark)) === 1)
})

test('a body is sent again with the repeated request', async t => {
  const bodies = []
  // A page each: what is refused right after a refresh is not refreshed again at once.
  for (let index = 0, ahead = 0; index < 6; index++) {
    const page = await signedIn(t)
    ahead += 120
    await server.control({ ahead })
    bodies.push(
      await page.evaluate(async index => {
        const post = body => ({ method: 'POST', body })
        const form = new FormData()
        form.set('field', 'in a form')
        const send = [
          () => session.fetch('/api/echo', post('text')),
          () => session.fetch('/api/echo', post(new Blob(['blob']))),
          () => session.fetch('/api/echo', post(form)),
          () => session.fetch(new Request('/api/echo', post('request'))),
          () => session.fetch(new Request('/api/echo', post('replaced')), { body: 'by init' }),
          () => session.fetch('/api/echo', { ...post(new Blob(['stream']).stream()), duplex: 'half' }),
        ]
        return send[index]().then(response => response.text(), String)
      }, index),
    )
  }
  assert.match(bodies[2], /in a form/)
  assert.deepEqual(bodies.toSpliced(2, 1).slice(0, 4), ['text', 'blob', 'request', 'by init'])
  // A stream is a body only over HTTP/2, which this server does not speak: the browser refuses, whoever sends it.
  assert.match(bodies[5], /^(stream|TypeError: .*)$/)
})

test('stale_token refreshes silently and repeats the request', async t => {
  const page = await signedIn(t)
  await server.control({ ahead: 10 })
  const mark = await server.mark()
  await page.evaluate(() => void (window.seen.length = 0))
  assert.deepEqual(await h.me(page, '/api/fresh'), { status: 200, sub: 'alice' })
  assert.deepEqual((await server.seen('/api/fresh', mark)).map(({ status }) => status), [401, 200])
  assert.equal(await refreshes(mark), 1)
  assert.deepEqual(await page.evaluate(() => window.seen.map(({ state }) => state).filter(state => state !== 'in')), [])
})

test('login_required surfaces, and a new login satisfies it', async t => {
  const page = await signedIn(t)
  await server.control({ ahead: 30 })
  const mark = await server.mark()
  assert.equal((await h.me(page, '/api/recent')).status, 401)
  await h.reaches(page, 'login_required', 'alice')
  assert.equal(await refreshes(mark), 0)
  assert.equal((await h.me(page)).status, 200)
  await h.login(page, 'alice')
  await h.reaches(page, 'in', 'alice')
  assert.deepEqual(await h.me(page, '/api/recent'), { status: 200, sub: 'alice' })
})

test("a 401 of the application's own passes through", async t => {
  const page = await signedIn(t)
  const mark = await server.mark()
  const answer = await page.evaluate(async () => {
    const response = await session.fetch('/api/own-401')
    return { status: response.status, text: await response.text() }
  })
  assert.deepEqual(answer, { status: 401, text: "the application's own" })
  assert.equal((await server.seen('/api/own-401', mark)).length, 1)
  assert.equal(await refreshes(mark), 0)
  assert.equal(await h.state(page), 'in')
})

test('an expired session asks for login, and the next page load asks nobody', async t => {
  const page = await signedIn(t)
  await server.control({ ahead: 7200 })
  assert.equal((await h.me(page)).status, 401)
  await h.reaches(page, 'out')
  assert.equal((await page.evaluate(() => window.seen.at(-1))).reason, 'session_ended')
  assert.equal(await h.markerOf(page), '')
  const mark = await server.mark()
  await page.reload()
  await h.ready(page)
  assert.equal(await h.state(page), 'out')
  assert.equal(await refreshes(mark), 0)
  await h.login(page, 'alice')
  assert.equal((await h.me(page)).status, 200)
})

test('a raised generation and a user who is gone end the session at the next refresh', async t => {
  for (const order of [{ raise_generation: 'alice' }, { renew: 'gone' }]) {
    const page = await signedIn(t)
    await server.control({ ...order, ahead: 0 })
    assert.equal((await h.me(page)).status, 200)
    await server.control({ ahead: 120 })
    assert.equal((await h.me(page)).status, 401)
    await h.reaches(page, 'out')
    assert.equal(await h.markerOf(page), '')
    await server.control({ renew: 'ok', ahead: 0 })
  }
})

test('changed keys sign out but leave the marker, and the next page load asks once more', async t => {
  const page = await signedIn(t)
  await server.control({ change_keys: true })
  assert.equal((await h.me(page)).status, 401)
  await h.reaches(page, 'out')
  assert.equal((await page.evaluate(() => window.seen.at(-1))).reason, 'session_unknown')
  assert.match(await h.markerOf(page), /^__Host-browser-server=[\w-]{22}$/)
  // It would ask once more by itself.
  await h.endTimers(page)
  const mark = await server.mark()
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'out')
  assert.equal(await refreshes(mark), 1)
})

test('a lost refresh answer is no logout, and the refresh is simply repeated', async t => {
  const page = await signedIn(t)
  // Far enough ahead that a new refresh cookie was in the lost answer.
  await server.control({ ahead: 1200, refresh: 'drop' })
  const handled = await server.handled()
  assert.equal((await h.me(page)).status, 401)
  await h.reaches(page, 'offline', 'alice')
  assert.ok((await server.handled()) > handled)
  await server.control({ refresh: 'pass' })
  await h.reaches(page, 'in', 'alice')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
})

test('a reload in mid-refresh restores the session', async t => {
  const page = await signedIn(t)
  await server.control({ ahead: 1200, refresh: 'hold' })
  const handled = await server.handled()
  await page.evaluate(() => void me().catch(() => {}))
  await h.until(async () => (await server.handled()) > handled)
  await server.control({ refresh: 'pass' })
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'alice')
})

test('a 503 is no logout, a valid token is served meanwhile, and Retry-After is honoured', async t => {
  const page = await signedIn(t, { isClockOurs: true })
  await h.noteRefreshes(page)
  await server.control({ ahead: 10, renew: 'error' })
  const mark = await server.mark()
  assert.equal((await h.me(page, '/api/fresh')).status, 401)
  await h.reaches(page, 'offline', 'alice')
  const statuses = (await server.seen('/auth/refresh', mark)).map(({ status }) => status)
  assert.deepEqual([...new Set(statuses)], [503])
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
  await server.control({ renew: 'ok' })
  await h.until(async () => {
    await page.clock.runFor(500)
    await page.evaluate(() => dispatchEvent(new Event('online')))
    return (await h.state(page)) === 'in'
  })
  const [first, second] = await page.evaluate(() => window.asked)
  assert.ok(second - first >= 5_000, `${second - first} ms`)
  assert.deepEqual(await h.me(page, '/api/fresh'), { status: 200, sub: 'alice' })
})

test('a 503 at the first load is no logout either', async t => {
  const page = await signedIn(t)
  await page.context().clock.install()
  await server.control({ renew: 'error' })
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'offline')
  assert.equal(await page.evaluate(() => session.token().catch(({ code }) => code)), 'offline')
  await server.control({ renew: 'ok' })
  await page.clock.runFor(8_000)
  await h.reaches(page, 'in', 'alice')
})

test('offline and back', async t => {
  const page = await signedIn(t)
  await page.context().setOffline(true)
  await page.evaluate(() => {
    const { now } = Date
    Date.now = () => now() + 120_000
  })
  assert.equal(await page.evaluate(() => me().catch(({ code }) => code)), 'offline')
  // The event has to be enough.
  await h.endTimers(page)
  await h.reaches(page, 'offline', 'alice')
  await page.context().setOffline(false)
  await h.reaches(page, 'in', 'alice')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
})

test('a server that stops and starts again finds the session', async t => {
  let own = await h.startServer()
  t.after(() => own.stop())
  const context = await h.visitor(t, browser)
  const page = await h.open(context, own.origin)
  await h.login(page, 'alice')
  await own.stop()
  await page.evaluate(() => {
    const { now } = Date
    Date.now = () => now() + 120_000
  })
  assert.equal(await page.evaluate(() => me().catch(({ code }) => code)), 'offline')
  await h.reaches(page, 'offline', 'alice')
  own = await h.startServer({ port: own.port })
  await h.reaches(page, 'in', 'alice')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
})

test('another origin gets no token', async t => {
  const page = await signedIn(t)
  const mark = await server.mark()
  const elsewhere = server.origin.replace('localhost', '127.0.0.1')
  await page.evaluate(() => session.fetch('/api/me'))
  const context = page.context()
  const blank = await context.newPage()
  await blank.goto(`${server.origin}/blank`)
  // The page's own policy would refuse the request, so this one has none.
  await blank.evaluate(async elsewhere => {
    const { createSession } = await import('/auth/client.js')
    const session = createSession()
    await session.token()
    await session.fetch(`${elsewhere}/api/own-401`).catch(() => {})
  }, elsewhere)
  const { requests } = await server.log()
  const got = requests.slice(mark).filter(({ host }) => host.startsWith('127.0.0.1:'))
  assert.deepEqual(got.map(({ method, path, bearer }) => ({ method, path, bearer })), [
    { method: 'GET', path: '/api/own-401', bearer: false },
  ])
})
