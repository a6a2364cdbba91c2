// The browser module, as it is, in real time: a quarter of an hour, so it runs where everything is run at full size.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as h from './helpers.mjs'

test('the module stays in over three lifetimes of the bound cookie', { skip: !process.env.BINDING_IN_REAL_TIME }, async t => {
  const server = await h.startServer()
  t.after(() => server.stop())
  const proxy = await h.startProxy(server)
  t.after(() => proxy.stop())
  const browser = await h.startBrowser(proxy)
  t.after(() => browser.close())
  const page = await h.open(browser, proxy.origin)
  await h.signInBound(page, proxy)
  await page.goto(`${proxy.origin}/`)
  await h.until(() => page.evaluate(() => window.session?.state === 'in'), 'the module is in')
  await page.evaluate(() => {
    window.states = new Set([session.state])
    session.subscribe(({ state }) => window.states.add(state))
  })
  const mark = proxy.mark()
  await sleep(15 * 60_000 + 30_000)
  assert.deepEqual(await page.evaluate(() => [...window.states]), ['in'])
  const count = line => proxy.lines(mark).filter(seen => seen === line).length
  t.diagnostic(`${count('POST /auth/refresh 200')} refreshes, ${count('POST /auth/device 200')} proofs`)
  assert.ok(count('POST /auth/refresh 200') >= 15)
  assert.ok(count('POST /auth/device 200') >= 3)
})
