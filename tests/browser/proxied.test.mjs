// Pages behind nginx, over HTTP/1.1 and HTTP/2, with and without its buffer for what is sent: a large form is led to the refresh and
// arrives whole.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { certificates, startNginx, temporaryFolder } from '../jars/helpers.mjs'
import * as h from './helpers.mjs'

const MEGABYTES = 30
const PASSING = `client_max_body_size ${MEGABYTES + 1}m; location / { proxy_pass UPSTREAM; proxy_set_header Host $http_host; }`
const UNBUFFERED = `proxy_request_buffering off; proxy_http_version 1.1; ${PASSING}`

const server = await h.startPages()
const browser = await h.startBrowser()
const upstream = server.port
const WAYS = {
  'HTTP/1.1': { upstream, settings: PASSING },
  'HTTP/2': { upstream, http2: 'http2', settings: PASSING },
  'HTTP/1.1, handed on as it comes': { upstream, settings: UNBUFFERED },
  'HTTP/2, handed on as it comes': { upstream, http2: 'http2', settings: UNBUFFERED },
}
const ports = await startNginx(certificates(temporaryFolder()), WAYS)
after(async () => {
  await browser.close()
  await server.stop()
})

for (const way of Object.keys(WAYS)) {
  test(`a form of ${MEGABYTES} MB at expiry arrives whole through nginx, by ${way}`, async t => {
    await server.control({})
    const context = await h.visitor(t, browser)
    const page = await context.newPage()
    await page.goto(`https://localhost:${ports[way]}/login`)
    await page.fill('#login [name=sub]', 'ada')
    await page.locator('#login button').click()
    await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('#login'))
    const protocol = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol)
    assert.equal(protocol, way.startsWith('HTTP/2') ? 'h2' : 'http/1.1')
    await server.control({ ahead: 16 * 60 })
    const seen = await server.watch()
    await h.submitLargeForm(page, MEGABYTES)
    const title = page.locator('h1', { hasText: / of ada$/ })
    await title.waitFor()
    assert.ok(parseInt(await title.textContent()) > MEGABYTES * 1_000_000)
    const { lines, lookups } = await seen()
    assert.deepEqual(lines, ['POST /upload 307', 'POST /auth/refresh?to=/upload 307', 'POST /upload 200'])
    assert.equal(lookups, 1)
  })
}
