// One tab: login, reload, logout, and what the browser keeps meanwhile.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
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

test('a login is taken over and a reload restores the session', async t => {
  const page = await h.open(await h.visitor(t, browser), server.origin)
  await h.login(page, 'alice')
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
  const mark = await server.mark()
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'alice')
  assert.equal((await server.seen('/auth/refresh', mark)).length, 1)
  assert.deepEqual(await h.me(page), { status: 200, sub: 'alice' })
})

test('nothing is in storage or document.cookie but the marker', async t => {
  const context = await h.visitor(t, browser)
  const page = await h.open(context, server.origin)
  await h.login(page, 'alice')
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'alice')
  const kept = await page.evaluate(async () => ({
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
    databases: (await indexedDB.databases()).map(({ name }) => name),
    caches: await caches.keys(),
    cookies: document.cookie.split('; ').map(pair => pair.split('=')[0]),
  }))
  assert.deepEqual(kept, { local: [], session: [], databases: [], caches: [], cookies: [h.MARKER] })
  const token = await page.evaluate(() => session.token())
  assert.ok(!(await h.markerOf(page)).includes(token))
  const held = await page.evaluate(() =>
    [...Object.keys(session), ...Object.getOwnPropertyNames(window)].filter(name => {
      const value = session[name] ?? window[name]
      return typeof value === 'string' && value.split('.').length === 3 && value.startsWith('ey')
    }),
  )
  assert.deepEqual(held, [])
  const [refresh] = (await context.cookies()).filter(({ name }) => h.REFRESH_COOKIE.test(name))
  const { httpOnly, secure, sameSite, path } = refresh
  assert.deepEqual({ httpOnly, secure, sameSite, path }, { httpOnly: true, secure: true, sameSite: 'Strict', path: '/auth' })
})

test('the refresh cookie travels to the session routes and on no other path', async t => {
  const page = await h.open(await h.visitor(t, browser), server.origin)
  await h.login(page, 'alice')
  const mark = await server.mark()
  for (const path of ['/api/me', '/api/own-401', '/authentic', '/login', '/', '/AUTH/refresh']) {
    await page.evaluate(path => session.fetch(path).then(response => response.text()), path)
  }
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'alice')
  const { requests } = await server.log()
  const carriers = requests.slice(mark).filter(({ cookies }) => cookies.some(name => h.REFRESH_COOKIE.test(name)))
  assert.ok(requests.length - mark >= 8)
  assert.deepEqual([...new Set(carriers.map(({ path }) => path))].sort(), ['/auth/client.js', '/auth/refresh'])
})

test('an anonymous visitor causes no request to the session routes but loading the module', async t => {
  const context = await h.visitor(t, browser)
  const mark = await server.mark()
  const page = await h.open(context, server.origin)
  assert.equal(await h.state(page), 'out')
  assert.equal((await h.me(page)).status, 401)
  assert.equal(await page.evaluate(() => session.token().catch(({ code }) => code)), 'out')
  await page.evaluate(() => {
    dispatchEvent(new Event('online'))
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await page.reload()
  await h.ready(page)
  assert.equal(await h.state(page), 'out')
  const { requests } = await server.log()
  const paths = requests.slice(mark).map(({ path }) => path).filter(path => path.startsWith('/auth'))
  assert.deepEqual([...new Set(paths)], ['/auth/client.js'])
})

test('after a logout a reload stays signed out without a request', async t => {
  const context = await h.visitor(t, browser)
  const page = await h.open(context, server.origin)
  await h.login(page, 'alice')
  await page.evaluate(() => session.logout())
  assert.equal(await h.state(page), 'out')
  assert.equal(await h.markerOf(page), '')
  assert.deepEqual((await context.cookies()).map(({ name }) => name), [])
  const mark = await server.mark()
  await page.reload()
  await h.ready(page)
  assert.equal(await h.state(page), 'out')
  assert.deepEqual(await server.seen('/auth/refresh', mark), [])
})

test('a strict content security policy is enough and nothing violates it', async t => {
  const context = await h.visitor(t, browser)
  await context.addInitScript(() => {
    window.violations = []
    document.addEventListener('securitypolicyviolation', event => window.violations.push(event.violatedDirective))
  })
  const page = await h.open(context, server.origin)
  await h.login(page, 'alice')
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'alice')
  await page.evaluate(() => session.logout())
  assert.deepEqual(await page.evaluate(() => violations), [])
  // The policy is in force: an inline script is a violation.
  await page.evaluate(() => document.head.append(Object.assign(document.createElement('script'), { text: 'window.ran = true' })))
  await h.until(() => page.evaluate(() => violations.length === 1))
  assert.equal(await page.evaluate(() => window.ran), undefined)
})

test('after dispose the page does nothing more, and a reload finds the session', async t => {
  const context = await h.visitor(t, browser)
  await context.clock.install()
  const page = await h.open(context, server.origin)
  await h.login(page, 'alice')
  const mark = await server.mark()
  await page.evaluate(() => session.dispose())
  await page.clock.runFor(120_000)
  await page.evaluate(() => dispatchEvent(new Event('online')))
  assert.equal(await page.evaluate(() => session.token().catch(({ code }) => code)), 'disposed')
  assert.deepEqual((await server.log()).requests.slice(mark), [])
  await page.reload()
  await h.ready(page)
  await h.reaches(page, 'in', 'alice')
})

test('a session that is not persistent ends with the browser, and another does not', async t => {
  const profile = mkdtempSync(join(tmpdir(), 'profile-'))
  t.after(() => rmSync(profile, { recursive: true, force: true }))
  /** Starts the browser on the profile, and quits it as a person does. */
  const inBrowser = async act => {
    const context = await chromium.launchPersistentContext(profile, h.LAUNCH)
    const page = context.pages()[0] ?? (await context.newPage())
    await page.goto(server.origin)
    await h.ready(page)
    await act(page)
    await context.close()
  }
  const login = (page, remember) =>
    page.evaluate(async remember => {
      const body = JSON.stringify({ sub: 'ann', remember })
      await session.adopt(await fetch('/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }))
    }, remember)
  for (const remember of [true, false]) {
    await inBrowser(async page => {
      await login(page, remember)
      await page.reload()
      await h.ready(page)
      await h.reaches(page, 'in', 'ann')
    })
    await inBrowser(page => h.reaches(page, remember ? 'in' : 'out'))
  }
})
