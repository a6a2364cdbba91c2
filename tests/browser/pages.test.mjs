// Pages that the server renders, as a browser sees them. Numbers are those of the scenarios that the design was tried with.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { after, afterEach, before, test } from 'node:test'
import * as h from './helpers.mjs'

let server, browser, foreign
before(async () => {
  server = await h.startPages()
  browser = await h.startBrowser()
  foreign = await startForeign()
})
afterEach(() => server.control({}))
after(async () => {
  await browser?.close()
  await server?.stop()
  foreign?.stop()
})

/** Pages of another site, and of another origin of this one: each is what its URL's fragment-like query holds. */
async function startForeign() {
  const pages = http.createServer((request, response) => {
    const { searchParams } = new URL(request.url, 'http://localhost')
    const location = searchParams.get('redirect')
    if (location) return response.writeHead(302, { Location: location }).end()
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(`<!doctype html><title>foreign</title>${searchParams.get('html') ?? ''}`)
  })
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
  const { port } = pages.address()
  const url = (host, name, value) => `http://${host}:${port}/?${name}=${encodeURIComponent(value)}`
  return {
    page: html => url('evil.test', 'html', html),
    redirect: to => url('evil.test', 'redirect', to),
    sibling: html => url('localhost', 'html', html),
    stop: () => pages.close() && pages.closeAllConnections(),
  }
}

const EXPIRED = { ahead: 16 * 60 }

async function tabOf(t) {
  const context = await h.visitor(t, browser)
  return { context, page: await context.newPage() }
}

async function login(page, sub, path = '/login') {
  await page.goto(server.origin + path)
  await page.fill('#login [name=sub]', sub)
  await signIn(page)
}

/** A form that signs in is led on by a document. */
async function signIn(page) {
  await page.locator('#login button').click()
  await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('#login'))
}

/** Sends a form, and waits for the page that comes of it. */
async function submit(page, form) {
  const loaded = page.waitForNavigation()
  await page.locator(`${form} button`).click()
  await loaded
}

/** One of somebody else. It is sent by a click, because a page that leaves while it loads makes its own loading fail. */
const form = action =>
  `<form id=form method=post action="${server.origin}${action}"><input name=text value=evil><button>send</button></form>`

/** By script, since a page that the browser has kept loads nothing. */
const back = page => page.evaluate(() => history.back())

const title = page => page.locator('h1').textContent()
const path = page => page.url().slice(server.origin.length)

async function signedIn(t, sub = 'ada') {
  const tab = await tabOf(t)
  await login(tab.page, sub)
  assert.equal(await title(tab.page), sub)
  return tab
}

const accessCookies = async context =>
  (await context.cookies(server.origin)).filter(({ name }) => name.startsWith('__Host-pages-access-'))

/** One request of script, as the page's own. */
const call = (page, url, init) =>
  page.evaluate(async ([url, init]) => {
    const response = await fetch(url, init)
    return { status: response.status, redirected: response.redirected, body: await response.text() }
  }, [url, init])

test('1: a first visit comes back to the exact address', async t => {
  const { page } = await tabOf(t)
  const seen = await server.watch()
  await page.goto(`${server.origin}/admin?q=a%20b`)
  await page.fill('#login [name=sub]', 'ada')
  await signIn(page)
  assert.equal(path(page), '/admin?q=a%20b')
  assert.equal(await title(page), 'ada')
  const to = '/login?to=/admin%3Fq%3Da%2520b'
  const { lines, lookups } = await seen()
  assert.deepEqual(lines, ['GET /admin?q=a%20b 303', `GET ${to} 200`, `POST ${to} 200`, 'GET /admin?q=a%20b 200'])
  assert.equal(lookups, 0)
})

test('2: a typed address at expiry is refreshed silently', async t => {
  const { page } = await signedIn(t)
  await server.control(EXPIRED)
  const seen = await server.watch()
  await page.goto(server.origin)
  assert.equal(await title(page), 'ada')
  const { lines, lookups } = await seen()
  assert.deepEqual(lines, ['GET / 307', 'GET /auth/refresh?to=/ 307', 'GET / 200'])
  assert.equal(lookups, 1)
})

test('3: a form at expiry arrives with its body', async t => {
  const { page } = await signedIn(t)
  await server.control(EXPIRED)
  const seen = await server.watch()
  await submit(page, '#save')
  assert.equal(await title(page), '4 by ada for ada')
  const { lines, lookups } = await seen()
  assert.deepEqual(lines, ['POST /save 307', 'POST /auth/refresh?to=/save 307', 'POST /save 303', 'GET /saved/4/ada 200'])
  assert.equal(lookups, 1)
})

test('4: requests of script at expiry', async t => {
  const { page } = await signedIn(t)
  let ahead = 0
  for (const [method, body] of [['GET'], ['POST', 'kept'], ['DELETE'], ['HEAD']]) {
    await server.control({ ahead: (ahead += 16 * 60) })
    const seen = await server.watch()
    const answer = await call(page, '/echo', { method, body })
    assert.equal(answer.status, 200)
    if (method !== 'HEAD') assert.deepEqual(JSON.parse(answer.body), { sub: 'ada', method, body: body ?? '' })
    const { lines, lookups } = await seen()
    assert.deepEqual(lines, [`${method} /echo 307`, `${method} /auth/refresh?to=/echo 307`, `${method} /echo 200`])
    assert.equal(lookups, 1)
  }
})

test('5: two tabs at expiry', async t => {
  const { context, page } = await signedIn(t)
  const other = await context.newPage()
  await server.control(EXPIRED)
  const seen = await server.watch()
  await Promise.all([page.goto(server.origin), other.goto(server.origin)])
  assert.deepEqual([await title(page), await title(other)], ['ada', 'ada'])
  const { lines, lookups } = await seen()
  // One of them may come when the other has refreshed already.
  assert.ok([4, 6].includes(lines.length) && lookups === (lines.length - 2) / 2, lines.join())
})

test('6: a link from another site arrives signed in, and back leads back', async t => {
  const { page } = await signedIn(t)
  await page.goto(foreign.page(`<a id=link href="${server.origin}/">in</a>`))
  const seen = await server.watch()
  await page.click('#link')
  await page.waitForURL(`${server.origin}/`)
  await page.locator('h1', { hasText: 'ada' }).waitFor()
  const { requests, lookups } = await seen()
  const told = requests.map(({ method, url, status, site, cookies }) => [method, url, status, site, cookies])
  assert.deepEqual(told, [
    ['GET', '/', 200, 'cross-site', 'access'],
    ['GET', '/auth/refresh?to=/', 307, 'same-origin', 'access marker refresh'],
    ['GET', '/', 200, 'same-origin', 'access marker'],
  ])
  assert.equal(lookups, 1)
  await back(page)
  await page.waitForFunction(() => document.title === 'foreign')
})

test('7: the same at expiry, to a public page, and by a redirect', async t => {
  const { page } = await signedIn(t)
  await server.control(EXPIRED)
  for (const [arrive, wanted] of [
    [() => page.goto(foreign.page(`<a id=link href="${server.origin}/">in</a>`)).then(() => page.click('#link')), '/'],
    [() => page.goto(foreign.page(`<a id=link href="${server.origin}/public">in</a>`)).then(() => page.click('#link')), '/public'],
    [() => page.goto(foreign.redirect(`${server.origin}/other`)), '/other'],
  ]) {
    await arrive()
    await page.waitForURL(server.origin + wanted)
    await page.locator('h1', { hasText: 'ada' }).waitFor()
  }
})

test('8: a foreign link straight to the refresh', async t => {
  const { context, page } = await signedIn(t)
  await page.goto(foreign.page(`<a id=link href="${server.origin}/auth/refresh?to=/public">in</a>`))
  const seen = await server.watch()
  await page.click('#link')
  await page.waitForURL(`${server.origin}/public`)
  await page.locator('h1', { hasText: 'ada' }).waitFor()
  const { requests } = await seen()
  assert.deepEqual(requests.map(({ status, site }) => [status, site]), [[200, 'cross-site'], [307, 'same-origin'], [200, 'same-origin']])
  assert.equal((await accessCookies(context)).length, 1)
})

test('9: nobody takes no detour', async t => {
  const { page } = await tabOf(t)
  for (const [target, lines] of [
    ['/', ['GET / 303', 'GET /login?to=/ 200']],
    ['/public', ['GET /public 200']],
  ]) {
    await page.goto(foreign.page(`<a id=link href="${server.origin}${target}">in</a>`))
    const seen = await server.watch()
    await page.click('#link')
    await page.locator('h1').waitFor()
    assert.deepEqual((await seen()).lines, lines)
  }
})

test('10: foreign forms write nothing', async t => {
  const { page } = await signedIn(t)
  for (const [action, lines] of [
    ['/save', ['POST /save 303', 'GET /login 200', 'GET /auth/refresh?to=/login 307', 'GET /login 200']],
    ['/auth/logout', ['POST /auth/logout 403']],
  ]) {
    await page.goto(foreign.page(form(action)))
    const seen = await server.watch()
    await submit(page, '#form')
    // The document that leads on has none.
    if (action === '/save') await page.locator('h1').waitFor()
    assert.deepEqual((await seen()).lines, lines)
  }
  await page.goto(server.origin)
  assert.equal(await title(page), 'ada')
})

test('11: a sibling origin reads, writes and connects to nothing', async t => {
  const { page } = await signedIn(t)
  const socket = server.origin.replace('http', 'ws')
  const request = async (html, line) => {
    const seen = await server.watch()
    await page.goto(foreign.sibling(html))
    await h.until(async () => (await seen()).lines.includes(line), line)
    return (await seen()).requests[0]
  }
  const navigation = async (html, go) => {
    await page.goto(foreign.sibling(html))
    const seen = await server.watch()
    await go()
    const { lines, requests } = await seen()
    return [lines[0], requests[0].site, requests[0].cookies]
  }
  const link = await navigation(`<a id=link href="${server.origin}/">in</a>`, () => page.click('#link').then(() => page.locator('h1').waitFor()))
  assert.deepEqual(link, ['GET / 200', 'same-site', 'access marker'])
  assert.deepEqual(await navigation(form('/save'), () => submit(page, '#form')), ['POST /save 403', 'same-site', 'access marker'])
  const script = code => `<script>${code}</script>`
  await request(script(`fetch('${server.origin}/echo', { mode: 'no-cors', credentials: 'include' })`), 'GET /echo 403')
  await request(script(`fetch('${server.origin}/echo', { mode: 'no-cors', credentials: 'include', method: 'POST', body: 'evil' })`), 'POST /echo 403')
  await request(`<img src="${server.origin}/image/1">`, 'GET /image/1 403')
  await request(`<script src="${server.origin}/echo"></script>`, 'GET /echo 403')
  await request(script(`new EventSource('${server.origin}/events', { withCredentials: true })`), 'GET /events 403')
  const handshake = await request(script(`new WebSocket('${socket}/socket')`), 'GET /socket 403')
  assert.equal(handshake.cookies, 'access marker')
  await page.goto(server.origin)
  assert.equal(await title(page), 'ada')
})

test('12: foreign frames and images see nobody, without a loop', async t => {
  const { page } = await signedIn(t)
  const seen = await server.watch()
  const frames = ['/', '/auth/refresh?to=/public'].map(path => `<iframe src="${server.origin}${path}"></iframe>`)
  await page.goto(foreign.page(`${frames.join('')}<img src="${server.origin}/image/1">`))
  await h.until(async () => (await seen()).lines.includes('GET /public 200'), 'the public page')
  await page.waitForLoadState('networkidle')
  const { requests, lines } = await seen()
  assert.ok(requests.every(({ cookies }) => cookies === ''), JSON.stringify(requests))
  assert.ok(lines.includes('GET / 303') && lines.includes('GET /image/1 401'), lines.join())
  assert.ok(lines.length <= 6, lines.join())
  await page.goto(server.origin)
  assert.equal(await title(page), 'ada')
})

test('13: twenty images at expiry', async t => {
  const { page } = await signedIn(t)
  await server.control(EXPIRED)
  const loaded = await page.evaluate(() => {
    const load = number => new Promise((resolve, reject) => {
      const image = new Image()
      image.onload = resolve
      image.onerror = () => reject(new Error(String(number)))
      image.src = `/image/${number}`
    })
    return Promise.all(Array.from({ length: 20 }, (_, number) => load(number))).then(all => all.length)
  })
  assert.equal(loaded, 20)
})

test('14: a download long after its page was loaded', async t => {
  const { page } = await signedIn(t)
  await server.control(EXPIRED)
  const seen = await server.watch()
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#file')])
  assert.equal(download.suggestedFilename(), 'file.txt')
  const chunks = []
  for await (const chunk of await download.createReadStream()) chunks.push(chunk)
  assert.equal(Buffer.concat(chunks).toString(), 'of ada')
  assert.equal((await seen()).lines.length, 3)
})

const eventSource = page =>
  page.evaluate(() => {
    window.heard = []
    window.source = new EventSource('/events')
    source.onmessage = ({ data }) => heard.push(data)
  })
const heard = (page, count) => h.until(() => page.evaluate(count => heard.length >= count, count), `${count} events`)

test('15: an EventSource follows a refresh, and ends and comes back with its token', async t => {
  const { page } = await signedIn(t)
  await server.control(EXPIRED)
  const seen = await server.watch()
  await eventSource(page)
  await heard(page, 1)
  await server.control({ ahead: 2 * EXPIRED.ahead })
  await heard(page, 2)
  const { lines, lookups } = await seen()
  const one = ['GET /events 307', 'GET /auth/refresh?to=/events 307', 'GET /events 200']
  assert.deepEqual(lines, [...one, ...one])
  assert.equal(lookups, 2)
})

test('16: an EventSource in an outage stays closed, and opens after a refresh', async t => {
  const { page } = await signedIn(t)
  await server.control({ ...EXPIRED, lookup: 'outage' })
  await eventSource(page)
  await h.until(() => page.evaluate(() => source.readyState === EventSource.CLOSED), 'closed')
  await server.control(EXPIRED)
  assert.equal((await call(page, '/auth/refresh', { method: 'POST' })).status, 200)
  await eventSource(page)
  await heard(page, 1)
})

const socket = page =>
  page.evaluate(() => new Promise(resolve => {
    const socket = new WebSocket(location.origin.replace('http', 'ws') + '/socket')
    socket.onmessage = ({ data }) => resolve(data)
    socket.onclose = ({ code }) => resolve(code)
  }))

test('17: a WebSocket at expiry is refused, and opens after a refresh', async t => {
  const { page } = await signedIn(t)
  assert.equal(await socket(page), 'ada')
  await server.control(EXPIRED)
  const seen = await server.watch()
  assert.equal(await socket(page), 1006)
  assert.equal((await call(page, '/auth/refresh', { method: 'POST' })).status, 200)
  assert.equal(await socket(page), 'ada')
  assert.deepEqual((await seen()).lines, ['GET /socket 401', 'POST /auth/refresh 200', 'GET /socket 101'])
})

for (const version of ['2', '4']) {
  test(`18: htmx ${version} at expiry`, async t => {
    const { page } = await signedIn(t)
    await page.goto(`${server.origin}/htmx/${version}`)
    await server.control(EXPIRED)
    let seen = await server.watch()
    await page.click('#get')
    await page.locator('#out', { hasText: 'GET  ada' }).waitFor()
    assert.deepEqual((await seen()).lines, ['GET /fragment 307', 'GET /auth/refresh?to=/fragment 307', 'GET /fragment 200'])
    await server.control({ ahead: 2 * EXPIRED.ahead })
    seen = await server.watch()
    await page.click('#post button')
    await page.locator('#out', { hasText: 'POST text=kept ada' }).waitFor()
    assert.equal((await seen()).lookups, 1)
  })

  test(`19: htmx ${version} when the session is over`, async t => {
    const { page } = await signedIn(t)
    await page.goto(`${server.origin}/htmx/${version}?tab=2`)
    await server.control({ ...EXPIRED, lookup: 'gone' })
    await page.click('#get')
    await page.waitForURL(url => url.pathname === '/login')
    assert.equal(path(page), `/login?to=/htmx/${version}%3Ftab%3D2`)
    assert.equal(await title(page), 'login')
  })
}

test('20: Turbo visits and forms', async t => {
  const { page } = await signedIn(t)
  await page.goto(`${server.origin}/turbo`)
  await page.evaluate(() => void (window.same = true))
  await server.control(EXPIRED)
  await page.click('#link')
  // Turbo writes `?two=` where it began to fetch while the mouse was over the link.
  await page.waitForURL(url => url.pathname === '/turbo' && url.searchParams.has('two'))
  assert.equal(await page.evaluate(() => window.same), true)
  await server.control({ ahead: 2 * EXPIRED.ahead })
  const seen = await server.watch()
  await page.click('#save button')
  await page.locator('h1', { hasText: '4 by ada for ada' }).waitFor()
  assert.equal((await seen()).lookups, 1)
  await page.goto(`${server.origin}/turbo`)
  await server.control({ ahead: 3 * EXPIRED.ahead, lookup: 'gone' })
  await page.click('#save button')
  await page.waitForURL(url => url.pathname === '/login')
})

test('21: a service worker that passes navigations on', async t => {
  const { page } = await signedIn(t)
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/sw.js')
    await navigator.serviceWorker.ready
  })
  await h.until(() => page.evaluate(() => !!navigator.serviceWorker.controller), 'control')
  await server.control(EXPIRED)
  await page.goto(`${server.origin}/other`)
  assert.equal(await title(page), 'ada')
})

for (const kind of ['prefetch', 'prerender']) {
  test(`22: speculation rules that ${kind} at expiry`, async t => {
    const { page } = await signedIn(t)
    await server.control(EXPIRED)
    const seen = await server.watch()
    await page.goto(`${server.origin}/speculation/${kind}`)
    await h.until(async () => (await seen()).lines.includes('GET /other 200'), kind).catch(() => t.diagnostic('nothing was fetched ahead'))
    await page.click('#link')
    await page.locator('h1', { hasText: 'ada' }).waitFor()
  })
}

for (const megabytes of [1, 10, 30]) {
  test(`24: a form of ${megabytes} MB at expiry arrives whole`, async t => {
    const { page } = await signedIn(t)
    await server.control(EXPIRED)
    const seen = await server.watch()
    await h.submitLargeForm(page, megabytes)
    await page.locator('h1', { hasText: / of ada$/ }).waitFor()
    assert.ok(parseInt(await title(page)) > megabytes * 1_000_000)
    const { lines, lookups } = await seen()
    assert.deepEqual(lines, ['POST /upload 307', 'POST /auth/refresh?to=/upload 307', 'POST /upload 200'])
    assert.equal(lookups, 1)
  })
}

/** Asks for a refresh whose answer is kept back. */
async function heldRefresh(context, order) {
  await server.control({ ...EXPIRED, ...order, hold: '/auth/refresh' })
  const late = await context.newPage()
  const seen = await server.watch()
  const arrives = late.goto(`${server.origin}/public`).catch(() => {})
  await h.until(async () => (await seen()).lines.some(line => line.includes('/auth/refresh')), 'a refresh')
  return async () => {
    await server.control(EXPIRED)
    await arrives
  }
}

async function isNobody(page) {
  await page.goto(`${server.origin}/public`)
  assert.equal(await title(page), 'nobody')
  await page.goto(server.origin)
  assert.equal(await title(page), 'login')
  await page.goto(foreign.page(`<a id=link href="${server.origin}/public">in</a>`))
  await page.click('#link')
  await page.locator('h1', { hasText: 'nobody' }).waitFor()
}

test('25: a refresh that lands after a logout revives nothing', async t => {
  const { context, page } = await signedIn(t)
  const release = await heldRefresh(context)
  await submit(page, '#logout')
  await release()
  await isNobody(page)
})

test('26: a refresh that lands after another login swaps nobody in', async t => {
  const { context, page } = await signedIn(t)
  const release = await heldRefresh(context)
  await submit(page, '#logout')
  await login(page, 'bob')
  await release()
  for (const tab of context.pages()) {
    await tab.goto(server.origin)
    assert.equal(await title(tab), 'bob')
  }
  await page.goto(foreign.page(`<a id=link href="${server.origin}/public">in</a>`))
  await page.click('#link')
  await page.locator('h1', { hasText: 'bob' }).waitFor()
})

test('27: a refusal that lands late is about its own session', async t => {
  const { context, page } = await signedIn(t)
  const release = await heldRefresh(context, { lookup: 'gone' })
  const body = 'sub=bob'
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  assert.equal((await call(page, '/login', { method: 'POST', headers, body })).status, 200)
  await release()
  assert.equal((await accessCookies(context)).length, 2)
  await page.goto(server.origin)
  assert.equal(await title(page), 'bob')
  await server.control({ ahead: 2 * EXPIRED.ahead })
  await page.goto(server.origin)
  assert.equal(await title(page), 'bob')
  assert.equal((await accessCookies(context)).length, 1)
})

test('28: without the layer, the back button shows whose page it was', async t => {
  const cached = await h.startPages({ cached: true })
  t.after(() => cached.stop())
  const { page } = await tabOf(t)
  await page.goto(`${cached.origin}/login`)
  await signIn(page)
  await submit(page, '#logout')
  await back(page)
  // This is what the layer is for.
  await page.locator('h1', { hasText: 'ada' }).waitFor()
})

test('29: with it, the back button shows the login page', async t => {
  const { page } = await signedIn(t)
  await submit(page, '#logout')
  assert.equal(path(page), '/login')
  await back(page)
  await page.waitForURL(url => url.search === '?to=/')
  assert.equal(path(page), '/login?to=/')
})

test('29: nor does it show the page that a callback leads to by a document, as it would after a redirect', async t => {
  for (const way of ['address', 'link']) {
    const { page } = await tabOf(t)
    const url = `${server.origin}/sign-in?${new URLSearchParams({ by: foreign.redirect(''), origin: server.origin })}`
    if (way === 'address') await page.goto(url)
    else {
      await page.goto(foreign.page(`<a id=go href="${url.replaceAll('&', '&amp;')}">sign in</a>`))
      await page.locator('#go').click()
    }
    await page.waitForFunction(() => document.querySelector('h1')?.textContent === 'ada')
    assert.equal(path(page), '/')
    await submit(page, '#logout')
    assert.equal(path(page), '/login')
    await back(page)
    await page.waitForURL(url => url.search === '?to=/')
    assert.equal(path(page), '/login?to=/')
  }
})

test('30: the form of another user is noticed by its hidden field', async t => {
  const { context, page } = await signedIn(t)
  const other = await context.newPage()
  await login(other, 'bob')
  await submit(page, '#own')
  assert.equal(await title(page), 'of another session')
  await other.goto(server.origin)
  await submit(other, '#own')
  assert.equal(await title(other), 'own')
})

test('31: an outage at expiry is no logout', async t => {
  const { context, page } = await signedIn(t)
  const before = await accessCookies(context)
  await server.control({ ...EXPIRED, lookup: 'outage' })
  const answer = await page.goto(server.origin)
  assert.equal(answer.status(), 503)
  assert.equal(answer.headers()['retry-after'], '5')
  assert.deepEqual(await accessCookies(context), before)
  await server.control(EXPIRED)
  await page.reload()
  assert.equal(await title(page), 'ada')
  assert.equal(path(page), '/')
})

test('32: a user who is gone is asked for once', async t => {
  const { page } = await signedIn(t)
  await server.control({ ...EXPIRED, lookup: 'gone' })
  const seen = await server.watch()
  for (const [target, wanted] of [['/public', 'nobody'], ['/public', 'nobody'], ['/', 'login'], ['/login', 'login']]) {
    await page.goto(server.origin + target)
    assert.equal(await title(page), wanted)
  }
  assert.equal((await call(page, '/echo')).status, 401)
  assert.equal((await seen()).lookups, 1)
})

test('33: step-up leads to the login and back, and stale claims to the refresh', async t => {
  const { page } = await signedIn(t)
  await server.control({ ahead: 60 })
  await page.goto(`${server.origin}/fresh`)
  assert.equal(await title(page), 'fresh ada')
  await page.goto(`${server.origin}/sensitive`)
  assert.equal(await title(page), 'sensitive ada')
  await server.control({ ahead: 6 * 60 })
  await submit(page, '#again')
  assert.equal(path(page), '/login?to=/sensitive')
  assert.equal(await page.locator('#now').textContent(), 'ada')
  await signIn(page)
  assert.equal(await title(page), 'sensitive ada')
})

test('34: a session from before, and one whose marker was lost', async t => {
  const { context, page } = await signedIn(t)
  const [access] = await accessCookies(context)
  await context.clearCookies({ name: access.name })
  const seen = await server.watch()
  await page.goto(server.origin)
  assert.equal(await title(page), 'ada')
  assert.equal((await seen()).lookups, 1)
  await context.clearCookies({ name: '__Host-pages' })
  await page.goto(`${server.origin}/public`)
  await page.locator('h1', { hasText: 'nobody' }).waitFor()
  assert.deepEqual(await accessCookies(context), [])
})

test('35: an access cookie that is never kept is one clear answer', async t => {
  const { page } = await signedIn(t)
  await server.control({ strip: true })
  const seen = await server.watch()
  const answer = await page.goto(server.origin)
  assert.equal(answer.status(), 500)
  assert.ok((await seen()).lines.length <= 4)
})

test('37: the browser module and pages in one application', async t => {
  const { context, page } = await signedIn(t)
  await page.goto(`${server.origin}/blank`)
  await h.ready(page)
  await h.reachesSignedIn(page)
  const token = await page.evaluate(() => session.token())
  assert.equal((await call(page, '/echo', { headers: { Authorization: `Bearer ${token}` } })).status, 200)
  assert.equal((await call(page, '/echo', { headers: { Authorization: 'Bearer x' } })).status, 401)
  const [access] = await accessCookies(context)
  assert.equal(access.value, token)
  await page.evaluate(() => session.logout())
  // The module takes the marker at once; the answer takes the rest. Put it back, as where the answer was lost.
  await context.addCookies([{ ...access, expires: -1 }])
  const seen = await server.watch()
  assert.equal((await call(page, '/echo')).status, 401)
  assert.equal((await call(page, '/public')).body.includes('nobody'), true)
  await page.goto(`${server.origin}/public`)
  await page.locator('h1', { hasText: 'nobody' }).waitFor()
  assert.equal((await seen()).lines.at(-1), 'GET /public 200')
  assert.deepEqual(await accessCookies(context), [])
})

/** Text that looks like a way back, the same in every run: what parsers of URLs trip over, in any order. */
function waysBack(count) {
  const pieces = ['/', '/', '\\', '.', '..', '%2F', '%5C', '%2e', '%09', '%0D%0A', '\t', '\r', '\n', '\0', ' ', '@', ':', '?', '#', ';', '&', '%', '[', ']', "'"]
  pieces.push('"', '<', '|', '^', '`', '{', 'a', 'notes', 'user:pw@', 'evil.test', 'localhost', ':80', 'https:', 'javascript:', 'data:', 'é', '／', '＼', '\u2028', '\u00ad', '\ufeff')
  let state = 1
  const below = end => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % end
  }
  const texts = new Set(['//evil.test', '/\\evil.test', '/.//evil.test', '/..//evil.test', '/a/../..//evil.test'])
  while (texts.size < count) {
    const rest = Array.from({ length: 1 + below(6) }, () => pieces[below(pieces.length)])
    texts.add((below(3) ? '/' : '') + rest.join(''))
  }
  return [...texts]
}

test('38: thousands of values lead nowhere but here, as the browser reads them', async t => {
  const { page } = await tabOf(t)
  await page.goto(`${server.origin}/public`)
  const texts = waysBack(4000)
  const elsewhere = await page.evaluate(
    texts =>
      texts.map(text => {
        const url = URL.parse(text, location.href)
        return !url || url.origin !== location.origin || url.username + url.password !== ''
      }),
    texts,
  )
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
  t.after(() => agent.destroy())
  const led = text =>
    new Promise((resolve, reject) => {
      const url = `${server.origin}/auth/refresh?to=${encodeURIComponent(text)}`
      const answered = response => resolve([response.resume().statusCode, response.headers.location])
      http.get(url, { agent }, answered).on('error', reject)
    })
  const answers = await Promise.all(texts.map(led))
  let accepted = 0
  for (const [index, [status, location]] of answers.entries()) {
    const text = texts[index]
    assert.ok(status === 307 || status === 405, `${status} for ${JSON.stringify(text)}`)
    if (status === 405) continue
    accepted++
    assert.equal(location, text)
    assert.ok(!elsewhere[index], `${JSON.stringify(text)} leads out of this origin`)
  }
  const out = elsewhere.filter(Boolean).length
  assert.ok(accepted > 300 && out > 300, `${accepted} accepted, ${out} that lead elsewhere: too few to show anything`)
})

/** The blocks of script in the guide. */
const guide = readFileSync(new URL('../../docs/guide/pages.md', import.meta.url), 'utf8')
const blocks = [...guide.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => block)

test('what the guide shows for a WebSocket with Bearer', async t => {
  const { page } = await signedIn(t)
  await page.goto(`${server.origin}/blank`)
  await h.ready(page)
  await h.reachesSignedIn(page)
  const block = blocks.find(block => block.includes('function live'))
  await page.addScriptTag({ content: `${block}; window.live = live` })
  await page.evaluate(() => {
    window.heard = []
    window.closes = []
    const { WebSocket: Native } = window
    window.WebSocket = class extends Native {
      constructor(url) {
        super(url)
        this.addEventListener('close', ({ code }) => closes.push(code))
      }
    }
    window.socket = live(session, location.origin.replace('http', 'ws') + '/live', text => heard.push(text))
  })
  const says = text => page.evaluate(text => socket.send(text), text)
  await h.until(async () => (await says('one'), page.evaluate(() => heard.includes('ada: one'))), 'an echo')
  // A renewed token moves the deadline: at the end of the first one, nothing closes.
  await server.control({ ahead: 10 * 60 })
  const renewed = await page.evaluate(async () => {
    const before = await session.token()
    const answer = await session.fetch('/fresh')
    return answer.ok && before !== (await session.token())
  })
  assert.equal(renewed, true)
  await server.control({ ahead: 17 * 60 })
  await new Promise(resolve => setTimeout(resolve, 2500))
  await says('two')
  await heardText(page, 'ada: two')
  assert.deepEqual(await page.evaluate(() => closes), [])
  await server.control({ ahead: 27 * 60 })
  await h.until(() => page.evaluate(() => closes.includes(4401)), 'the close')
  // It connects anew by itself, with a token that is fresh.
  await h.until(async () => (await says('three').catch(() => {}), page.evaluate(() => heard.includes('ada: three'))), 'the next socket')
  await page.evaluate(() => session.logout())
})

const heardText = (page, text) => h.until(() => page.evaluate(text => heard.includes(text), text), text)

test('what the guide shows for a stream by fetch', async t => {
  const { page } = await signedIn(t)
  await page.goto(`${server.origin}/blank`)
  await h.ready(page)
  await h.reachesSignedIn(page)
  const block = blocks.find(block => block.includes('function* lines'))
  await page.addScriptTag({ content: `${block}; window.lines = lines` })
  await page.evaluate(() => {
    window.heard = []
    ;(async () => {
      for await (const text of lines(session, '/events')) heard.push(text)
    })()
  })
  const count = () => page.evaluate(() => heard.filter(text => text.includes('data: ada')).length)
  await h.until(async () => (await count()) === 1, 'the first')
  await server.control(EXPIRED)
  await h.until(async () => (await count()) === 2, 'the second, with another token')
})

test('40: an access token beside another marker is no session', async t => {
  const ada = await signedIn(t, 'ada')
  const bob = await signedIn(t, 'bob')
  const [access] = await accessCookies(ada.context)
  const [own] = await accessCookies(bob.context)
  await bob.context.clearCookies({ name: own.name })
  await bob.context.addCookies([{ ...access, name: own.name }])
  const seen = await server.watch()
  await bob.page.goto(server.origin)
  assert.equal(await title(bob.page), 'bob')
  assert.equal((await seen()).lookups, 1)
})
