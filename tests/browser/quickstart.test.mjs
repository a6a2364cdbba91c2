// The example that everybody starts with, as a person uses it: five tabs, a sleep, a server that is away, a logout.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as h from './helpers.mjs'

let server, browser
before(async () => {
  server = await h.startQuickstart()
  browser = await h.startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

/** Until every tab's status is `text`. */
const show = (pages, text) =>
  Promise.all(pages.map(page => page.locator('#status', { hasText: new RegExp(`^${text}$`) }).waitFor()))

const call = async (page, path) => {
  await page.click(`[data-path="${path}"]`)
  await page.locator('output:not(:empty)').waitFor()
  return page.locator('output:not(:empty)').textContent()
}

test('an anonymous visitor asks the session routes for the module alone, and five tabs are of one mind', async t => {
  const context = await h.visitor(t, browser)
  await context.clock.install()
  const asked = []
  context.on('request', request => asked.push(`${request.method()} ${new URL(request.url()).pathname}`))
  const pages = [await context.newPage()]
  await pages[0].goto(server.origin)
  await show(pages, 'Signed out')
  assert.equal(await call(pages[0], '/api/hello'), '200Hello, stranger!')
  await pages[0].clock.runFor(60_000)
  assert.deepEqual(asked.filter(request => request.includes(' /auth')), ['GET /auth/client.js'])

  await pages[0].click('[data-name="alice"]')
  while (pages.length < 5) {
    pages.push(await context.newPage())
    await pages.at(-1).goto(server.origin)
  }
  await show(pages, 'Signed in as alice')

  await context.clock.runFor(55_000)
  for (const page of pages) await page.locator('#events li', { hasText: 'token refreshed' }).first().waitFor()
  await show(pages, 'Signed in as alice')

  await server.stop()
  await context.clock.setSystemTime(Date.now() + 1_800_000)
  await show(pages, 'The server does not answer; you stay signed in')
  server = await h.startQuickstart({ port: server.port })
  await h.until(async () => {
    await context.clock.runFor(1_000)
    const statuses = await Promise.all(pages.map(page => page.textContent('#status')))
    return statuses.every(status => status === 'Signed in as alice')
  }, 'all tabs are back')
  for (const page of pages) assert.match(await call(page, '/api/me'), /^200.*"name":"alice"/)

  await pages[2].click('#logout')
  await show(pages, 'Signed out')
  for (const page of pages) {
    assert.ok(await page.isVisible('#login'))
    assert.deepEqual(await page.locator('output:not(:empty)').allTextContents(), [])
    assert.match(await call(page, '/api/me'), /^401.*missing_token/)
  }
})

test('without a script nothing is shown that does nothing', async t => {
  const context = await h.visitor(t, browser, { javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(server.origin)
  assert.ok(await page.isVisible('#no-script'))
  assert.equal(await page.locator('button:visible, input:visible').count(), 0)
})

test('a keyboard goes in and out without losing its place, on a small screen as well', async t => {
  const context = await h.visitor(t, browser, { viewport: { width: 320, height: 600 } })
  const page = await context.newPage()
  await page.goto(server.origin)
  const focused = () => page.evaluate(() => document.activeElement.id)
  await page.locator('#name').waitFor()
  await page.focus('#name')
  await page.keyboard.type('bob')
  await page.keyboard.press('Tab')
  await page.keyboard.type('builder')
  await page.keyboard.press('Enter')
  await show([page], 'Signed in as bob')
  await h.until(async () => (await focused()) === 'who', 'the focus on who it is')
  await page.keyboard.press('Tab')
  assert.equal(await focused(), 'logout')
  await page.keyboard.press('Enter')
  await show([page], 'Signed out')
  await h.until(async () => (await focused()) === 'name', 'the focus on the name')
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320)
})
