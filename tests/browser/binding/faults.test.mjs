// What becomes of a session while the route of the device does not answer as it should, and afterwards: any answer of 3xx or 4xx ends
// the browser's key, and no other does.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as h from './helpers.mjs'

let server, proxy
before(async () => {
  server = await h.startServer()
  proxy = await h.startProxy(server)
})
after(async () => {
  proxy?.stop()
  await server?.stop()
})

const FAULTS = [
  ['503', 503, 200],
  ['502', 503, 200],
  ['killed', 503, 200],
  ['429', 401, 401],
  ['404', 401, 401],
  ['403', 401, 401],
  ['401', 401, 401],
  ['302', 401, 401],
]

async function bound(t) {
  proxy.fault = null
  proxy.upstream = server.port
  const browser = await h.startBrowser(proxy)
  t.after(() => browser.close())
  const page = await h.open(browser, proxy.origin)
  await h.signInBound(page, proxy)
  await h.endStamp(page)
  return page
}

for (const [fault, during, afterwards] of FAULTS) {
  test(`${fault}: ${during}, then ${afterwards}`, async t => {
    const page = await bound(t)
    proxy.fault = fault
    const while_ = await h.refresh(page)
    const { headers } = proxy.seen.at(-1)
    proxy.fault = null
    const then = await h.refresh(page)
    t.diagnostic(`during: ${while_.status} (skipped: ${headers['secure-session-skipped'] ?? 'not'}); after: ${then.status}`)
    assert.deepEqual([while_.status, then.status], [during, afterwards])
  })
}

test('silent: held back, then 200', async t => {
  const page = await bound(t)
  proxy.fault = 'silent'
  const mark = proxy.mark()
  const held = h.refresh(page)
  await h.until(() => proxy.seen.length > mark, 'the question')
  const first = await Promise.race([held.then(() => 'answered'), new Promise(resolve => setTimeout(resolve, 3000, 'held back'))])
  assert.equal(first, 'held back')
  proxy.fault = null
  proxy.cut()
  await held
  assert.equal((await h.refresh(page)).status, 200)
})

test('a server that is away: an error of the network, then 200', async t => {
  const page = await bound(t)
  proxy.away = true
  const while_ = await h.refresh(page)
  proxy.away = false
  const then = await h.refresh(page)
  assert.deepEqual([while_.status, then.status], ['network error', 200])
})
