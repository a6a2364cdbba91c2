// A page asks for its refresh token in the body, with every kind of request that it can make. It is given as a cookie.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as h from './helpers.mjs'

let server, other, browser
before(async () => {
  server = await h.startServer()
  other = await h.startServer()
  browser = await h.startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
  await other?.stop()
})

const HEADERS = { 'Session-Transport': 'body' }
const BODY = '{"sub":"alice"}'

/** Each asks once; what the page can read of the answer. */
const KINDS = {
  fetch: (url, headers, body) => fetch(url, { method: 'POST', headers, body }).then(answer => answer.text()),
  'fetch without credentials': (url, headers, body) =>
    fetch(url, { method: 'POST', headers, body, credentials: 'omit' }).then(answer => answer.text()),
  'fetch without a referrer': (url, headers, body) =>
    fetch(url, { method: 'POST', headers, body, referrerPolicy: 'no-referrer' }).then(answer => answer.text()),
  'fetch that outlives the page': (url, headers, body) =>
    fetch(url, { method: 'POST', headers, body, keepalive: true }).then(answer => answer.text()),
  'fetch of another mode': (url, headers, body) =>
    fetch(url, { method: 'POST', headers, body, mode: 'no-cors' }).then(answer => answer.text()),
  'fetch of a lower-case header': (url, _, body) =>
    fetch(url, { method: 'POST', headers: [['session-transport', 'body']], body }).then(answer => answer.text()),
  XMLHttpRequest: (url, headers, body) =>
    new Promise(resolve => {
      const request = new XMLHttpRequest()
      request.open('POST', url)
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
      request.onloadend = () => resolve(request.responseText)
      request.send(body)
    }),
  worker: (url, headers, body) =>
    new Promise(resolve => {
      const script = `fetch(${JSON.stringify(new URL(url, location.href).href)}, { method: 'POST', headers: ${JSON.stringify(headers)}, body: ${JSON.stringify(body)} })
        .then(answer => answer.text()).then(postMessage, error => postMessage(String(error)))`
      const worker = new Worker(URL.createObjectURL(new Blob([script])))
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = () => resolve('no worker')
    }),
  'frame without an origin': (url, headers, body) =>
    new Promise(resolve => {
      const script = `fetch(${JSON.stringify(new URL(url, location.href).href)}, { method: 'POST', mode: 'no-cors', headers: ${JSON.stringify(headers)}, body: ${JSON.stringify(body)} })
        .then(answer => answer.text()).then(text => parent.postMessage(text, '*'), error => parent.postMessage(String(error), '*'))`
      const frame = document.createElement('iframe')
      frame.sandbox = 'allow-scripts'
      frame.srcdoc = `<script>${script}</script>`
      addEventListener('message', ({ data }) => resolve(data), { once: true })
      document.body.append(frame)
    }),
  beacon: (url, _, body) => String(navigator.sendBeacon(url, body)),
}

for (const [where, target] of Object.entries({ 'its own origin': () => server, 'another origin': () => other })) {
  test(`no request of a page to ${where} is answered with a refresh token`, async t => {
    const page = await h.open(await h.visitor(t, browser), server.origin)
    await page.evaluate(() => session.dispose())
    const asked = target()
    const url = `${asked.origin}/login`
    for (const [kind, ask] of Object.entries(KINDS)) {
      const call = `(${ask})(${JSON.stringify(url)}, ${JSON.stringify(HEADERS)}, ${JSON.stringify(BODY)})`
      // Where nothing can be read, the server is asked below.
      const read = await page.evaluate(`Promise.race([${call}, new Promise(done => setTimeout(done, 3_000, 'nothing'))]).catch(String)`)
      assert.ok(!String(read).includes('refresh_token'), `${kind}: ${read}`)
    }
    const logins = await asked.seen('/login')
    const given = logins.filter(({ status, sets_cookies }) => status === 200 && !sets_cookies)
    assert.deepEqual(given, [])
    if (asked === server) assert.ok(logins.some(({ wants_body, status }) => wants_body && status === 200))
  })
}

test('a program that is no browser is given one', async () => {
  const answer = await h.withoutABrowser(server.port, '/login', HEADERS, BODY)
  assert.match(answer, /"refresh_token":"ey/)
  const [login] = (await server.seen('/login')).slice(-1)
  assert.deepEqual([login.wants_body, login.status, login.sets_cookies], [true, 200, false])
})
