// What users already have in their pages, with twenty parallel calls across the end of the access token.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import * as h from './helpers.mjs'

let server, browser, policy
before(async () => {
  server = await h.startServer()
  browser = await h.startBrowser()
  policy = (await fetch(server.origin)).headers.get('Content-Security-Policy')
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const folder = fileURLToPath(new URL('.', import.meta.url))
// Named so that the client's files find them here, and not in a folder beside themselves.
const NAMES = ['@apollo/client', '@urql/core', 'axios']

/** The file of `peers/` in one piece, but for the module that the server serves. */
async function bundle(file, aliases) {
  const { outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: [`peers/${file}`],
    alias: { ...Object.fromEntries(NAMES.map(name => [name, name])), ...aliases },
    bundle: true,
    define: { 'process.env.NODE_ENV': '"production"' },
    external: ['/auth/client.js'],
    format: 'esm',
    logLevel: 'error',
    write: false,
  })
  return outputFiles[0].text
}

/** A page that holds nothing but the peer, under the same policy as the application's own. */
async function open(t, script) {
  const context = await h.visitor(t, browser)
  const headers = { 'Content-Security-Policy': policy }
  const html = '<!doctype html><script type="module" src="/peer.js"></script>'
  const serve = (path, contentType, body) =>
    context.route(server.origin + path, route => route.fulfill({ headers, contentType, body }))
  await serve('/peer', 'text/html', html)
  await serve('/peer.js', 'text/javascript', script)
  const page = await context.newPage()
  await page.goto(`${server.origin}/peer`)
  await h.until(() => page.evaluate(() => !!window.call), 'the peer')
  return page
}

const login = page =>
  page.evaluate(async () => {
    const headers = { 'Content-Type': 'application/json' }
    const response = await fetch('/login', { method: 'POST', headers, body: '{"sub":"alice"}' })
    await window.adopt(await response.json())
  })

const APOLLO_4 = { '@apollo/client': 'apollo-client-4' }

for (const { peer, file, aliases, path, knowsTheEnd } of [
  {
    peer: 'Apollo Client 3 with apollo-link-token-refresh',
    file: 'apollo-link-token-refresh.js',
    path: '/graphql',
    knowsTheEnd: true,
  },
  { peer: 'Apollo Client 3 with our link', file: 'apollo.js', path: '/graphql' },
  { peer: 'Apollo Client 4 with our link', file: 'apollo.js', aliases: APOLLO_4, path: '/graphql' },
  { peer: 'urql with our client', file: 'urql.js', path: '/graphql' },
  { peer: 'axios with axios-auth-refresh', file: 'axios-auth-refresh.js', path: '/api/me' },
  { peer: 'axios with our instance', file: 'axios.js', path: '/api/me' },
]) {
  test(`${peer}: twenty parallel calls make one refresh and all succeed`, async t => {
    const page = await open(t, await bundle(file, aliases))
    t.after(() => server.control({ ahead: 0, refresh: 'pass' }))
    await login(page)
    assert.equal(await page.evaluate(() => call('first')), 'alice')
    const mark = await server.mark()
    const handled = await server.handled()
    await server.control({ ahead: 120, refresh: 'hold' })
    await page.evaluate(knowsTheEnd => {
      const { now } = Date
      if (knowsTheEnd) Date.now = () => now() + 120_000
      window.answers = Promise.all(Array.from({ length: 20 }, (_, n) => call(n)))
    }, knowsTheEnd)
    const answered = async status => (await server.seen(path, mark)).filter(seen => seen.status === status).length
    // Nobody has a new token before all twenty are in need of one.
    const refused = knowsTheEnd ? 0 : 20
    await h.until(async () => (await server.handled()) > handled && (await answered(401)) === refused)
    await server.control({ refresh: 'pass' })
    assert.deepEqual(await page.evaluate(() => window.answers), Array(20).fill('alice'))
    assert.equal(await answered(200), 20)
    assert.equal(await answered(401), refused)
    assert.equal((await server.seen('/auth/refresh', mark)).length, 1)
  })
}
