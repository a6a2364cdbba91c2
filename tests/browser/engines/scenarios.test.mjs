// What an application relies on, in the engine that ENGINE names. The application is at https://localhost; its pages on
// https://127.0.0.1, another site, stand for a stranger's.

import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import * as h from '../helpers.mjs'
import { scenarios } from './scenarios.mjs'

const ENGINE = process.env.ENGINE ?? 'chromium'
const { start, keepsSecureCookiesWithoutTls } = await import(`./${ENGINE}.mjs`)

let proxy, server, browser, app, stranger
before(async () => {
  proxy = await h.startProxy()
  app = proxy.origin('localhost')
  stranger = proxy.origin('127.0.0.1')
  server = await h.startServer()
  proxy.upstream = server.port
  browser = await start()
  console.log(ENGINE, await browser.version())
})
after(async () => {
  await browser?.close()
  await server?.stop()
  proxy?.stop()
})

const scenario = scenarios(() => server.control({ refresh: 'pass', logout: 'pass', ahead: 0 }))

/** A browser of its own for `t`, without cookies. */
async function visitor(t) {
  const context = await browser.newContext()
  t.after(() => context.close())
  return context
}

/** Signed in as alice in `count` tabs of one browser. */
async function signedIn(t, count = 1) {
  const context = await visitor(t)
  const tabs = [await h.open(context, app)]
  await h.login(tabs[0], 'alice')
  while (tabs.length < count) tabs.push(await h.open(context, app))
  // The last one is in front, and only that one refreshes unasked.
  for (const tab of tabs) await h.reaches(tab, 'in', 'alice')
  return { context, tabs, tab: tabs[0] }
}

async function reload(tab) {
  await tab.reload()
  await h.ready(tab)
}

const refreshes = async mark => (await server.seen('/auth/refresh', mark)).map(({ status }) => status)
const assertSignedIn = async (tab, sub) => assert.deepEqual(await h.me(tab), { status: 200, sub })
const assertSignedOut = async tab => assert.equal((await h.me(tab)).status, 401)
const refusal = tab => tab.evaluate(() => session.token().then(() => 'a token', ({ code }) => code))
const isRefreshCookie = name => h.REFRESH_COOKIE.test(name)

/** The application's cookies, by their names. */
async function jar(context) {
  const cookies = await context.cookies(`${app}/auth/client.js`)
  return Object.fromEntries(cookies.map(cookie => [cookie.name, cookie]))
}

scenario('a login is taken over and a reload restores the session', async t => {
  const { tab } = await signedIn(t)
  await assertSignedIn(tab, 'alice')
  const mark = await server.mark()
  await reload(tab)
  await h.reaches(tab, 'in', 'alice')
  assert.deepEqual(await refreshes(mark), [200])
  await assertSignedIn(tab, 'alice')
})

scenario('nothing is in storage or document.cookie but the marker', async t => {
  const { context, tab } = await signedIn(t)
  await reload(tab)
  await h.reaches(tab, 'in', 'alice')
  const kept = await tab.evaluate(async () => ({
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
    databases: (await indexedDB.databases()).map(({ name }) => name),
    caches: await caches.keys(),
    cookies: document.cookie.split('; ').map(pair => pair.split('=')[0]),
  }))
  assert.deepEqual(kept, { local: [], session: [], databases: [], caches: [], cookies: [h.MARKER] })
  const cookies = await jar(context)
  const attributes = name => {
    const { httpOnly, secure, sameSite, path } = cookies[name]
    return { httpOnly, secure, sameSite, path }
  }
  const names = Object.keys(cookies).sort()
  assert.equal(names.length, 2)
  assert.deepEqual(attributes(h.MARKER), { httpOnly: false, secure: true, sameSite: 'Strict', path: '/' })
  assert.deepEqual(attributes(names.find(isRefreshCookie)), { httpOnly: true, secure: true, sameSite: 'Strict', path: '/auth' })
})

scenario('the refresh cookie travels to the session routes and on no other path', async t => {
  const { tab } = await signedIn(t)
  const mark = await server.mark()
  for (const path of ['/api/me', '/authentic', '/login', '/', '/AUTH/refresh']) {
    await tab.evaluate(path => session.fetch(path).then(response => response.text()), path)
  }
  await reload(tab)
  await h.reaches(tab, 'in', 'alice')
  const requests = (await server.log()).requests.slice(mark)
  assert.ok(requests.length >= 7)
  const carriers = requests.filter(({ cookies }) => cookies.some(isRefreshCookie)).map(({ path }) => path)
  assert.ok(carriers.includes('/auth/refresh'))
  assert.ok(carriers.every(path => path.startsWith('/auth/')), `${carriers}`)
})

scenario('a request after the end of the access token is repeated behind a refresh', async t => {
  const { context, tab } = await signedIn(t)
  const [before, mark] = [await jar(context), await server.mark()]
  // Past half of the refresh token's life, so that the answer also writes the cookies anew.
  await server.control({ ahead: 2000 })
  await assertSignedIn(tab, 'alice')
  assert.deepEqual((await server.seen('/api/me', mark)).map(({ status }) => status), [401, 200])
  assert.deepEqual(await refreshes(mark), [200])
  const after = await jar(context)
  assert.deepEqual(Object.keys(after).sort(), Object.keys(before).sort())
  const name = Object.keys(after).find(isRefreshCookie)
  assert.notEqual(after[name].value, before[name].value)
})

scenario('a session that has ended is out, and a reload makes no request', async t => {
  const { tab } = await signedIn(t)
  await server.control({ ahead: 2 * 3600 })
  await assertSignedOut(tab)
  await h.reaches(tab, 'out')
  assert.equal(await h.markerOf(tab), '')
  const mark = await server.mark()
  await reload(tab)
  assert.equal(await h.state(tab), 'out')
  assert.deepEqual(await refreshes(mark), [])
})

scenario('a lost answer is not a logout', async t => {
  const { tab } = await signedIn(t)
  await server.control({ refresh: 'drop' })
  await reload(tab)
  await h.reaches(tab, 'offline')
  assert.equal(await refusal(tab), 'offline')
  await server.control({ refresh: 'pass' })
  await tab.evaluate(() => dispatchEvent(new Event('online')))
  await h.reaches(tab, 'in', 'alice')
  await assertSignedIn(tab, 'alice')
})

scenario('a logout is seen by the other tab at once', async t => {
  const { tabs } = await signedIn(t, 2)
  // By then they would see it anyhow.
  for (const tab of tabs) await h.endTimers(tab)
  await tabs[1].evaluate(() => session.logout())
  // The message may be faster than the cookie's end, which Firefox hands from one process to the other: then the tab knows when it
  // is asked.
  if (ENGINE === 'firefox') await h.until(async () => (await refusal(tabs[0])) === 'out', 'the tab, asked, to be out')
  for (const tab of tabs) await h.reaches(tab, 'out')
  const mark = await server.mark()
  for (const tab of tabs) {
    assert.equal(await refusal(tab), 'out')
    await assertSignedOut(tab)
  }
  const requests = (await server.log()).requests.slice(mark)
  assert.deepEqual(requests.filter(({ path, bearer }) => bearer || path === '/auth/refresh'), [])
})

scenario('a login is seen by the other tab at once, without a request', async t => {
  const context = await visitor(t)
  const tabs = [await h.open(context, app), await h.open(context, app)]
  for (const tab of tabs) {
    assert.equal(await h.state(tab), 'out')
    await h.endTimers(tab)
    // The siblings have 40 ms; a machine that runs other tests may need more.
    await tab.evaluate(() => {
      const { setTimeout } = window
      window.setTimeout = (run, wait) => setTimeout(run, wait === 40 ? 4_000 : wait)
    })
  }
  const mark = await server.mark()
  await h.login(tabs[1], 'alice')
  await h.reaches(tabs[0], 'in', 'alice')
  await assertSignedIn(tabs[0], 'alice')
  assert.deepEqual(await refreshes(mark), [])
})

scenario('two tabs that refresh at once make one refresh and both go on', async t => {
  const { tabs } = await signedIn(t, 2)
  for (const tab of tabs) {
    await tab.evaluate(() => {
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
  // Every access token is refused now, so both tabs need a refresh.
  for (const tab of tabs) await tab.evaluate(() => void (window.answer = me()))
  for (const tab of tabs) await h.until(() => tab.evaluate(() => window.hasAskedForLock))
  await server.control({ refresh: 'pass' })
  for (const tab of tabs) assert.deepEqual(await tab.evaluate(() => window.answer), { status: 200, sub: 'alice' })
  assert.deepEqual(await refreshes(mark), [200])
})

scenario('two tabs that refresh at once by two requests both go on', async t => {
  const { tabs } = await signedIn(t, 2)
  for (const tab of tabs) {
    await tab.evaluate(() => {
      Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })
      BroadcastChannel.prototype.postMessage = () => {}
    })
  }
  const handled = await server.handled()
  await server.control({ ahead: 2000, refresh: 'hold' })
  for (const tab of tabs) await tab.evaluate(() => void (window.answer = me()))
  await h.until(async () => (await server.handled()) === handled + 2)
  await server.control({ refresh: 'pass' })
  for (const tab of tabs) assert.deepEqual(await tab.evaluate(() => window.answer), { status: 200, sub: 'alice' })
})

scenario('a login in the other tab while a refresh is under way wins', async t => {
  const { tabs } = await signedIn(t, 2)
  await server.control({ ahead: 2000, refresh: 'hold' })
  const handled = await server.handled()
  await tabs[0].evaluate(() => void (window.answer = me().catch(({ code }) => ({ code }))))
  await h.until(async () => (await server.handled()) === handled + 1)
  await h.login(tabs[1], 'bob')
  await server.control({ refresh: 'pass' })
  assert.notEqual((await tabs[0].evaluate(() => window.answer)).sub, 'alice')
  for (const tab of tabs) {
    await h.reaches(tab, 'in', 'bob')
    await assertSignedIn(tab, 'bob')
  }
  await reload(tabs[1])
  await h.reaches(tabs[1], 'in', 'bob')
})

scenario('after a logout a reload stays signed out without a request', async t => {
  const { context, tab } = await signedIn(t)
  await tab.evaluate(() => session.logout())
  assert.equal(await h.state(tab), 'out')
  assert.equal(await h.markerOf(tab), '')
  assert.deepEqual(await jar(context), {})
  const mark = await server.mark()
  await reload(tab)
  assert.equal(await h.state(tab), 'out')
  assert.deepEqual(await refreshes(mark), [])
})

scenario('a refresh answer that comes after a logout revives nothing', async t => {
  const { tab } = await signedIn(t)
  await server.control({ ahead: 2000, refresh: 'hold' })
  const handled = await server.handled()
  await tab.evaluate(() => {
    window.answer = session.fetch('/api/me').then(({ status }) => status, ({ code }) => code)
    // As another library on the page would: nobody stops this one.
    window.unstoppable = fetch('/auth/refresh', { method: 'POST' }).then(({ status }) => status)
  })
  await h.until(async () => (await server.handled()) === handled + 2)
  await tab.evaluate(() => session.logout())
  await server.control({ refresh: 'pass' })
  assert.equal(await tab.evaluate(() => window.unstoppable), 200)
  assert.equal(await tab.evaluate(() => window.answer), 401)
  assert.equal(await h.state(tab), 'out')
  assert.equal(await h.markerOf(tab), '')
  await assertSignedOut(tab)
  const mark = await server.mark()
  await reload(tab)
  assert.equal(await h.state(tab), 'out')
  assert.deepEqual(await refreshes(mark), [])
})

/** Signed in as alice, then on another page of the application, with the first one in the back/forward cache. */
async function away(t) {
  const { tab } = await signedIn(t)
  await h.tellWhenShown(tab)
  await tab.goto(`${app}/blank`)
  return tab
}

scenario('a page from the back/forward cache goes on where the session is the same', h.whereKept(async t => {
  const tab = await away(t)
  const mark = await server.mark()
  assert.deepEqual(await h.back(tab), { persisted: true, state: 'in', sub: 'alice' })
  await assertSignedIn(tab, 'alice')
  assert.deepEqual(await refreshes(mark), [])
}))

scenario('a page from the back/forward cache is signed out before it paints after a logout', h.whereKept(async t => {
  const tab = await away(t)
  assert.equal(await tab.evaluate(() => fetch('/auth/logout', { method: 'POST' }).then(({ status }) => status)), 204)
  const mark = await server.mark()
  assert.deepEqual(await h.back(tab), { persisted: true, state: 'out', sub: 'nobody' })
  await assertSignedOut(tab)
  const requests = (await server.log()).requests.slice(mark)
  assert.deepEqual(requests.filter(({ bearer, path }) => bearer || path === '/auth/refresh'), [])
}))

scenario('a page from the back/forward cache shows the first user no more where another has logged in', h.whereKept(async t => {
  const tab = await away(t)
  const login = { method: 'POST', body: '{"sub":"bob"}' }
  assert.equal(await tab.evaluate(login => fetch('/login', login).then(({ status }) => status), login), 200)
  assert.notEqual((await h.back(tab)).sub, 'alice')
  await h.reaches(tab, 'in', 'bob')
  await assertSignedIn(tab, 'bob')
}))

scenario('a link on another site opens the application signed in', async t => {
  const { tab } = await signedIn(t)
  await tab.goto(`${stranger}/blank`)
  const mark = await server.mark()
  await tab.evaluate(href => {
    const link = Object.assign(document.createElement('a'), { href, textContent: 'to the application' })
    document.body.append(link)
    setTimeout(() => link.click())
  }, `${app}/`)
  await h.ready(tab)
  await h.reaches(tab, 'in', 'alice')
  await assertSignedIn(tab, 'alice')
  // The request for the page carried no cookie that is SameSite=Strict, and its scripts read the marker all the same.
  const [page] = await server.seen('/', mark)
  assert.deepEqual([page.site, page.cookies], ['cross-site', []])
  const [refresh] = await server.seen('/auth/refresh', mark)
  assert.deepEqual([refresh.site, refresh.status], ['same-origin', 200])
  assert.ok((await h.markerOf(tab)).startsWith(`${h.MARKER}=`))
})

/** Opens the page of `origin` whose forms do not say which origin they come from, and sends one; the request that came. */
async function submit(context, origin, path) {
  const tab = await context.newPage()
  await tab.goto(`${origin}/no-referrer`)
  await h.ready(tab)
  // Or the page's own refresh would be taken for the form's.
  await tab.evaluate(() => session.dispose())
  const mark = await server.mark()
  await tab.evaluate(action => {
    const form = Object.assign(document.createElement('form'), { method: 'POST', action })
    form.append(Object.assign(document.createElement('input'), { name: 'sub', value: 'mallory' }))
    document.body.append(form)
    setTimeout(() => form.submit())
  }, app + path)
  const answered = async () => (await server.seen(path, mark)).find(({ status }) => status)
  const { origin: said, site, status, cookies } = await h.until(answered, `POST ${path}`)
  return { said, site, status, carriesSession: cookies.some(isRefreshCookie) }
}

scenario("the application's own forms log in, refresh and log out though they name no origin", async t => {
  const context = await visitor(t)
  const own = { said: 'null', site: 'same-origin' }
  assert.deepEqual(await submit(context, app, '/login'), { ...own, status: 200, carriesSession: false })
  const tab = await h.open(context, app)
  await h.reaches(tab, 'in', 'mallory')
  assert.deepEqual(await submit(context, app, '/auth/refresh'), { ...own, status: 200, carriesSession: true })
  assert.deepEqual(await submit(context, app, '/auth/logout'), { ...own, status: 204, carriesSession: true })
  // Nobody told the first tab, and where it is hidden it looks at the marker when it is asked for something.
  await assertSignedOut(tab)
  await h.reaches(tab, 'out')
})

scenario('a page under a policy of no referrer logs in, and a reload restores the session', async t => {
  const tab = await h.open(await visitor(t), `${app}/no-referrer`)
  await h.login(tab, 'alice')
  await reload(tab)
  await h.reaches(tab, 'in', 'alice')
  await assertSignedIn(tab, 'alice')
})

scenario("another site's forms neither log in nor refresh nor log out", async t => {
  const { context, tab } = await signedIn(t)
  const before = await jar(context)
  const refused = { said: 'null', site: 'cross-site', status: 403, carriesSession: false }
  for (const path of ['/login', '/auth/refresh', '/auth/logout']) {
    assert.deepEqual(await submit(context, stranger, path), refused, path)
  }
  const values = cookies => Object.values(cookies).map(({ name, value }) => `${name}=${value}`).sort()
  assert.deepEqual(values(await jar(context)), values(before))
  await reload(tab)
  await h.reaches(tab, 'in', 'alice')
  await assertSignedIn(tab, 'alice')
})

scenario('a login on http://localhost is taken over, or says that the browser stored no cookies', async t => {
  const tab = await h.open(await visitor(t), server.origin)
  const outcome = tab.evaluate(() => login('alice').then(() => 'a session', ({ code }) => code))
  assert.equal(await outcome, keepsSecureCookiesWithoutTls ? 'a session' : 'cookies_blocked')
  await reload(tab)
  await h.reaches(tab, keepsSecureCookiesWithoutTls ? 'in' : 'out')
})
