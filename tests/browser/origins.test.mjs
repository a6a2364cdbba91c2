// Pages on other origins, over https: an attacker's on another site and on a sibling subdomain, and a friend's.

import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import * as h from './helpers.mjs'

let proxy, server, browser, app, friend, stranger, sibling
before(async () => {
  proxy = await h.startProxy()
  app = proxy.origin('app.example.test')
  friend = proxy.origin('page.example.test')
  stranger = proxy.origin('evil.test')
  sibling = proxy.origin('evil.example.test')
  server = await h.startServer({ allowedOrigin: friend })
  proxy.upstream = server.port
  browser = await h.startBrowser()
})
afterEach(() => server.control({ ahead: 0 }))
after(async () => {
  await browser?.close()
  await server?.stop()
  proxy?.stop()
})

const refreshes = async mark => (await server.seen('/auth/refresh', mark)).length
const isRefreshCookie = name => h.REFRESH_COOKIE.test(name)

/** What the jar holds of the application's, with values. */
const jar = async context => (await context.cookies(`${app}/auth`)).map(({ name, value }) => `${name}=${value}`).sort()

/** Signed in as `sub` at the application. */
async function signedIn(t, sub) {
  const page = await h.open(await h.visitor(t, browser), app)
  await h.login(page, sub)
  return page
}

const TARGETS = [
  ['/auth/refresh', ''],
  ['/auth/logout', ''],
  ['/login', 'mallory'],
]

/** Everything that a page of `origin` can send without being asked first, to each of the targets. */
async function attack(context, origin) {
  for (const [path, sub] of TARGETS) {
    const page = await context.newPage()
    await page.goto(`${origin}/blank`)
    await page.evaluate(
      async ({ url, sub }) => {
        const post = { method: 'POST', credentials: 'include', body: new URLSearchParams({ sub }) }
        await fetch(url, { ...post, mode: 'no-cors' })
        await fetch(url, post).then(() => Promise.reject(new Error('the answer can be read')), () => {})
        await fetch(url, { mode: 'no-cors', credentials: 'include' })
        document.body.append(Object.assign(document.createElement('iframe'), { name: 'frame' }))
        const form = Object.assign(document.createElement('form'), { method: 'POST', action: url })
        form.append(Object.assign(document.createElement('input'), { name: 'sub', value: sub }))
        document.body.append(form)
      },
      { url: app + path, sub },
    )
    for (const target of ['frame', '_top']) {
      const answer = page.waitForResponse(app + path)
      await page.evaluate(target => Object.assign(document.forms[0], { target }).submit(), target)
      await answer
    }
    await page.close()
  }
}

/** Every POST was refused for its origin, and every GET for its method. */
async function assertRefused(mark) {
  for (const [path] of TARGETS) {
    const answers = (await server.seen(path, mark)).map(({ method, status }) => `${method} ${status}`)
    assert.deepEqual(answers, ['POST 403', 'POST 403', 'GET 405', 'POST 403', 'POST 403'], path)
  }
}

for (const [who, origin, sendsCookies] of [
  ['a cross-site page', () => stranger, false],
  ['a sibling subdomain', () => sibling, true],
]) {
  test(`${who} cannot refresh, log out or log in as another`, async t => {
    const page = await signedIn(t, 'alice')
    const before = await jar(page.context())
    assert.equal(before.length, 2)
    const mark = await server.mark()
    await attack(page.context(), origin())
    await assertRefused(mark)
    // A sibling is the same site, so its requests do carry the cookies, and only their origin gives them away.
    const [refresh] = await server.seen('/auth/refresh', mark)
    assert.equal(refresh.cookies.some(isRefreshCookie), sendsCookies)
    assert.deepEqual(await jar(page.context()), before)
    assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
    await page.reload()
    await h.ready(page)
    await h.reaches(page, 'in', 'alice')
  })

  test(`${who} cannot log an anonymous visitor in`, async t => {
    const context = await h.visitor(t, browser)
    const mark = await server.mark()
    await attack(context, origin())
    await assertRefused(mark)
    assert.deepEqual(await context.cookies(), [])
    const page = await h.open(context, app)
    assert.equal(await h.state(page), 'out')
  })
}

/**
 * Writes mallory's cookies into the jar of `context` for the whole site, from the sibling, under her own names and
 * under `names`; gives the names that the browser took.
 */
async function toss(t, context, names = []) {
  const cookies = await (await signedIn(t, 'mallory')).context().cookies(`${app}/auth`)
  const refresh = cookies.find(({ name }) => isRefreshCookie(name))
  const marker = cookies.find(({ name }) => name === h.MARKER)
  const page = await context.newPage()
  await page.goto(`${sibling}/blank`)
  await page.evaluate(
    ({ refresh, marker, names }) => {
      const everywhere = 'Domain=example.test; Secure; SameSite=Strict'
      for (const name of [refresh.name, ...names]) {
        for (const path of ['/auth', '/auth/refresh']) {
          document.cookie = `${name}=${refresh.value}; Path=${path}; ${everywhere}`
        }
      }
      const { name, value } = marker
      for (const pair of [`${name}=${value}`, `${name.toLowerCase()}=${value}`, `=${name}=${value}`]) {
        for (const path of ['/', '/auth']) document.cookie = `${pair}; Path=${path}; ${everywhere}`
      }
    },
    { refresh, marker, names },
  )
  await page.close()
  const taken = (await context.cookies()).filter(({ domain }) => domain === '.example.test')
  assert.deepEqual(taken.map(({ name }) => name).sort(), [refresh.name, ...names].flatMap(name => [name, name]).sort())
  return taken.map(({ name }) => name)
}

test('a sibling subdomain cannot toss its session at a signed-in user', async t => {
  const page = await signedIn(t, 'alice')
  const context = page.context()
  const own = (await context.cookies(`${app}/auth`)).map(({ name }) => name).filter(isRefreshCookie)
  const tossed = await toss(t, context, own)
  const mark = await server.mark()
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'alice')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
  // They did arrive.
  const [{ cookies, status }] = await server.seen('/auth/refresh', mark)
  for (const name of tossed) assert.ok(cookies.includes(name))
  assert.equal(status, 200)
  await page.evaluate(() => session.logout())
  await page.reload()
  await h.ready(page)
  assert.equal(await h.state(page), 'out')
  assert.equal(await h.markerOf(page), '')
})

test('a sibling subdomain cannot toss its session at an anonymous visitor', async t => {
  const context = await h.visitor(t, browser)
  await toss(t, context)
  const mark = await server.mark()
  const page = await h.open(context, app)
  assert.equal(await h.state(page), 'out')
  assert.equal(await refreshes(mark), 0)
  assert.equal(await page.evaluate(() => fetch('/auth/refresh', { method: 'POST' }).then(({ status }) => status)), 401)
  await h.login(page, 'alice')
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'alice')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
})

const visit = context => h.open(context, `${friend}/sibling?api=${app}`)

test('a page on a sibling origin that is allowed: login, reload, logout, and another login', async t => {
  const context = await h.visitor(t, browser)
  let mark = await server.mark()
  const page = await visit(context)
  await h.reaches(page, 'out')
  assert.equal(await refreshes(mark), 1)
  await h.login(page, 'alice')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
  assert.equal(await h.markerOf(page), '')

  mark = await server.mark()
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'alice')
  assert.equal(await refreshes(mark), 1)

  mark = await server.mark()
  await server.control({ ahead: 120 })
  const answers = await page.evaluate(() => Promise.all(Array.from({ length: 20 }, () => me())))
  assert.deepEqual(answers, Array(20).fill({ status: 200, sub: 'alice' }))
  assert.equal(await refreshes(mark), 1)

  await page.evaluate(() => session.logout())
  assert.equal(await h.state(page), 'out')
  assert.deepEqual(await jar(context), [])
  mark = await server.mark()
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'out')
  assert.equal((await h.me(page)).status, 401)

  await h.login(page, 'bob')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'bob' })
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'bob')
})

test('a logout and a login on a sibling origin are seen by its other tab', async t => {
  const context = await h.visitor(t, browser)
  const one = await visit(context)
  await h.login(one, 'alice')
  const other = await visit(context)
  await h.reaches(other, 'in', 'alice')
  await other.evaluate(() => session.logout())
  await h.reaches(one, 'out')
  assert.equal((await h.me(one)).status, 401)
  await h.login(other, 'bob')
  await h.reaches(one, 'in', 'bob')
  assert.deepEqual(await h.me(one), { status: 200, sub: 'bob' })
})

test('a login answer that comes after the logout signs nobody in on a sibling origin', async t => {
  const page = await visit(await h.visitor(t, browser))
  const late = await page.evaluate(async () => {
    const { adopt } = session
    let answer
    session.adopt = kept => adopt((answer = kept))
    await login('alice')
    await session.logout()
    return adopt(answer).catch(({ code }) => code)
  })
  assert.equal(late, 'other_session')
  assert.equal(await h.state(page), 'out')
  assert.equal((await h.me(page)).status, 401)
})

test('a page on a sibling origin that comes back from the back/forward cache asks who is signed in now', h.whereKept(async t => {
  const page = await visit(await h.visitor(t, browser))
  await h.login(page, 'alice')
  await h.tellWhenShown(page)
  await page.goto(`${app}/blank`)
  assert.equal(await page.evaluate(() => fetch('/auth/logout', { method: 'POST' }).then(({ status }) => status)), 204)
  assert.deepEqual(await h.back(page), { persisted: true, state: 'unknown', sub: 'nobody' })
  await h.reaches(page, 'out')
  assert.equal((await h.me(page)).status, 401)
}))

const blocked = frame => frame.evaluate(() => login('alice').catch(({ code }) => code))

test('a login says so where the browser stores no Secure cookies', async t => {
  // Plain http, and not on localhost.
  const page = await h.open(await h.visitor(t, browser), `http://app.example.test:${server.port}`)
  assert.equal(await blocked(page), 'cookies_blocked')
  assert.equal(await h.state(page), 'out')
})

test('a login says so in a page that another site embeds', async t => {
  const context = await h.visitor(t, browser)
  const page = await context.newPage()
  await page.goto(`${stranger}/blank`)
  await page.evaluate(app => {
    const frame = Object.assign(document.createElement('iframe'), { src: app })
    document.body.append(frame)
  }, app)
  const frame = await h.until(() => page.frames().find(frame => frame.url().startsWith(app)))
  await h.ready(frame)
  assert.equal(await blocked(frame), 'cookies_blocked')
  assert.equal(await h.state(frame), 'out')
})
