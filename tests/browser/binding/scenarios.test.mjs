// Bound sessions in a browser that has keys. Each scenario has a profile of its own, because the browser makes few proofs for a site.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as h from './helpers.mjs'

// Longer than the bound cookie counts, and shorter than a refresh token takes to be issued anew.
const LATER = 10 * 60

let server, proxy
before(async () => {
  server = await h.startServer()
  proxy = await h.startProxy(server)
})
after(async () => {
  proxy?.stop()
  await server?.stop()
})

/** A browser of its own for `t`, with the application's host open and the clock set. */
async function visitor(t, options) {
  await server.clock(0)
  proxy.upstream = server.port
  proxy.fault = null
  const browser = await h.startBrowser(proxy, options)
  t.after(() => browser.close().catch(() => {}))
  return { browser, page: await h.open(browser, proxy.origin) }
}

const refreshed = async page => {
  const answer = await h.refresh(page)
  assert.equal(answer.status, 200, JSON.stringify(answer))
  return h.claimsOf(answer)
}

test('a login is bound in the background by one request', async t => {
  const { browser, page } = await visitor(t)
  t.diagnostic(await browser.version())
  const mark = proxy.mark()
  await h.signInBound(page, proxy)
  assert.deepEqual(proxy.lines(mark), ['POST /login 200', 'POST /auth/device 200'])
  assert.equal((await refreshed(page)).bound, true)
  assert.deepEqual(proxy.lines(mark).slice(2), ['POST /auth/refresh 200'])
})

test('a refresh without the bound cookie is held back until the key is proved', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy)
  let mark = proxy.mark()
  await h.endStamp(page)
  await refreshed(page)
  assert.deepEqual(proxy.lines(mark), ['POST /auth/device 403', 'POST /auth/device 200', 'POST /auth/refresh 200'])
  // The challenge that it has still counts.
  mark = proxy.mark()
  await h.endStamp(page)
  await refreshed(page)
  assert.deepEqual(proxy.lines(mark), ['POST /auth/device 200', 'POST /auth/refresh 200'])
})

test('nothing but the refresh is held back', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy)
  await h.endStamp(page)
  const mark = proxy.mark()
  await page.goto(`${proxy.origin}/blank`)
  assert.equal(await page.evaluate(async () => (await fetch('/me')).status), 401)
  assert.equal((await h.login(page, 'bob')).status, 200)
  assert.equal((await h.logout(page)).status, 204)
  // The registration of bob's key may cross his logout, and then knows of no session.
  const held = proxy.lines(mark).filter(line => !/^POST \/auth\/device (200|401|503)$/.test(line))
  assert.deepEqual(held, ['POST /login 200', 'POST /auth/logout 204'])
})

test('a browser without keys has two cookies and does what it does without the offer', async t => {
  const { page } = await visitor(t, { keys: false })
  const mark = proxy.mark()
  assert.equal((await h.login(page, 'ada')).status, 200)
  await sleep(1000)
  assert.equal((await refreshed(page)).bound, false)
  assert.deepEqual(proxy.lines(mark), ['POST /login 200', 'POST /auth/refresh 200'])
  const cookies = await h.jar(page)
  assert.equal(cookies.length, 2)
  // And a copy of it is worth what it is: a session.
  assert.equal(await proxy.curl('/auth/refresh', cookies), 200)
})

test('the whole jar in curl is refused after one life of a stamp', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy)
  const stolen = await h.jar(page)
  const without = stolen.filter(({ name }) => !name.includes('-bound-'))
  assert.equal(await proxy.curl('/auth/refresh', stolen), 200)
  assert.equal(await proxy.curl('/auth/refresh', without), 401)
  await server.clock(LATER)
  assert.equal(await proxy.curl('/auth/refresh', stolen), 307)
  assert.equal(await proxy.curl('/auth/refresh', without), 401)
  assert.equal(await proxy.curl('/auth/refresh', without, '-H', 'Secure-Session-Skipped: unreachable'), 503)
  assert.equal(await proxy.curl('/auth/device', without), 400)
  const session = h.claimsOf(await h.refresh(page)).sid
  assert.equal(await proxy.curl('/auth/device', without, '-H', `Sec-Secure-Session-Id: ${session}`), 403)
  const captured = proxy.seen.findLast(({ headers, url }) => url === '/auth/device' && headers['secure-session-response'])
  const { 'secure-session-response': proof } = captured.headers
  await server.clock(3 * LATER)
  const replayed = ['-H', `Sec-Secure-Session-Id: ${session}`, '-H', `Secure-Session-Response: ${proof}`]
  assert.equal(await proxy.curl('/auth/device', without, ...replayed), 403)
  await refreshed(page)
})

test('the whole jar in another browser is refused after one life of a stamp, and its owner notices nothing', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy)
  const stolen = await h.jar(page)
  const thief = await visitor(t)
  await h.putJar(thief.page, stolen)
  assert.equal((await h.refresh(thief.page)).status, 200)
  await server.clock(LATER)
  const refused = await h.refresh(thief.page)
  assert.deepEqual([refused.status, refused.body.code], [401, 'session_unknown'])
  assert.equal((await refreshed(page)).bound, true)
  const again = await h.refresh(thief.page)
  assert.equal(again.status, 401)
})

test('a server that is killed, and keys that rotate, log nobody out', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy)
  const { REFRESH_TOKEN_SECRET: old } = h.SECRETS
  const steps = [
    {},
    { REFRESH_TOKEN_SECRET_PREVIOUS: h.NEXT_REFRESH_SECRET },
    { REFRESH_TOKEN_SECRET: h.NEXT_REFRESH_SECRET, REFRESH_TOKEN_SECRET_PREVIOUS: old },
    { REFRESH_TOKEN_SECRET: h.NEXT_REFRESH_SECRET },
  ]
  for (const step of steps) {
    const next = await h.startServer({ OFFERS: '1', ...step })
    t.after(() => next.stop())
    proxy.upstream = next.port
    assert.equal((await refreshed(page)).bound, true)
    await h.endStamp(page)
    assert.equal((await refreshed(page)).bound, true)
  }
})

test('five tabs at one moment are proved by one proof', async t => {
  const { browser, page } = await visitor(t)
  await h.signInBound(page, proxy)
  const tabs = [page]
  while (tabs.length < 5) tabs.push(await h.open(browser, proxy.origin))
  await h.endStamp(page)
  const mark = proxy.mark()
  const answers = await Promise.all(tabs.map(h.refresh))
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200, 200])
  const proofs = proxy.lines(mark).filter(line => line === 'POST /auth/device 200')
  assert.ok(proofs.length >= 1 && proofs.length <= 3, proxy.lines(mark).join('\n'))
})

test('a browser that is closed and opened again finds its key', async t => {
  const { browser, page } = await visitor(t)
  await h.signInBound(page, proxy)
  await sleep(500)
  await browser.close()
  await server.clock(LATER)
  const again = await h.startBrowser(proxy, { profile: browser.profile })
  t.after(() => again.close())
  const tab = await h.open(again, proxy.origin)
  assert.equal((await refreshed(tab)).bound, true)
})

test('a logout empties the jar, and the next login is bound anew', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy, 'ada')
  assert.equal((await h.logout(page)).status, 204)
  assert.deepEqual(await h.jar(page), [])
  assert.equal((await h.refresh(page)).status, 401)
  await h.signInBound(page, proxy, 'bob')
  // Over bob's session, without a logout.
  await h.signInBound(page, proxy, 'carol')
  await h.endStamp(page)
  const mark = proxy.mark()
  const claims = await refreshed(page)
  assert.deepEqual([claims.sub, claims.bound], ['carol', true])
  await h.endStamp(page)
  assert.equal((await refreshed(page)).sub, 'carol')
  // The keys of earlier sessions end by one request each, and are not asked again.
  const ended = proxy.lines(mark).filter(line => line === 'POST /auth/device 401')
  assert.ok(ended.length <= 2, proxy.lines(mark).join('\n'))
  t.diagnostic(`ended keys: ${ended.length}`)
})

test('a server clock that jumps logs nobody out', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy)
  for (const ahead of [3600, 0, 20, 0]) {
    await server.clock(ahead)
    assert.equal((await refreshed(page)).bound, true, `${ahead} s ahead`)
  }
  await server.clock(-3600)
  assert.equal((await h.refresh(page)).status, 503)
  await server.clock(0)
  assert.equal((await refreshed(page)).bound, true)
})

test('the module shows a session that is in, after a pause and after a jump', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy)
  const isIn = () => h.until(() => page.evaluate(() => window.session?.state === 'in'), 'the module is in')
  for (const ahead of [0, LATER, 0]) {
    await server.clock(ahead)
    await h.endStamp(page)
    await page.goto(`${proxy.origin}/`)
    await isIn()
  }
})

test('with the feature and without the key, bound sessions go on and no new ones begin', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy)
  const reads = await h.startServer({})
  t.after(() => reads.stop())
  proxy.upstream = reads.port
  await h.endStamp(page)
  assert.equal((await refreshed(page)).bound, true)
  // Issued anew after a day, with the key.
  await reads.clock(86_400)
  assert.equal((await refreshed(page)).bound, true)
  const cookies = await h.jar(page)
  const token = cookies.find(({ name }) => name.includes('-refresh-'))
  const claims = JSON.parse(Buffer.from(token.value.split('.')[1], 'base64url'))
  assert.equal(claims.cnf.jwk.crv, 'P-256')
  assert.ok(claims.iat > claims.auth_time)
  const without = cookies.filter(({ name }) => !name.includes('-bound-'))
  assert.equal(await proxy.curl('/auth/refresh', without), 401)
  const mark = proxy.mark()
  assert.equal((await h.login(page, 'bob')).status, 200)
  await sleep(1000)
  assert.equal((await refreshed(page)).bound, false)
  assert.ok(!proxy.lines(mark).includes('POST /auth/device 200'))
})

test('a registration that meets an outage leaves the session unbound', async t => {
  const { page } = await visitor(t)
  proxy.fault = '503'
  const mark = proxy.mark()
  assert.equal((await h.login(page, 'ada')).status, 200)
  await h.until(() => proxy.lines(mark).includes('POST /auth/device 503'), 'the registration')
  proxy.fault = null
  for (const ahead of [0, LATER, 2 * 86_400]) {
    await server.clock(ahead)
    assert.equal((await refreshed(page)).bound, false)
  }
})

test('a page on an allowed origin has the key proved for its refresh', async t => {
  const origin = `https://app.example.test:${proxy.port}`
  const allows = await h.startServer({ OFFERS: '1', ALLOWED_ORIGIN: origin })
  t.after(() => allows.stop())
  const { browser, page } = await visitor(t)
  proxy.upstream = allows.port
  await h.signInBound(page, proxy)
  const sibling = await h.open(browser, origin)
  await h.endStamp(page)
  const mark = proxy.mark()
  // Opaque, because the application has no CORS layer; the server's answer counts.
  await sibling.evaluate(url => fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include' }), `${proxy.origin}/auth/refresh`)
  assert.deepEqual(proxy.lines(mark), ['POST /auth/device 403', 'POST /auth/device 200', 'POST /auth/refresh 200'])
})

test('a browser that has made too many proofs is told to come back', async t => {
  const { page } = await visitor(t)
  await h.signInBound(page, proxy)
  let proofs = 1
  for (let round = 1; round < 12; round++) {
    // Every round needs a new signature.
    await server.clock(round * LATER)
    await h.endStamp(page)
    const answer = await h.refresh(page)
    if (answer.status !== 200) {
      const { headers } = proxy.seen.at(-1)
      assert.deepEqual([answer.status, answer.body.code], [503, 'temporarily_unavailable'])
      t.diagnostic(`${proofs} signatures, then ${headers['secure-session-skipped']}`)
      assert.match(headers['secure-session-skipped'], /quota_exceeded/)
      return
    }
    proofs++
  }
  assert.fail('the browser has no quota any more: say so in binding.md')
})
