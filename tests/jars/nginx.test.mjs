// nginx in front, as users configure it, and requests as browsers send them through it.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { CookieJar } from 'tough-cookie'
import { HOST, MARKER, certificates, startNginx, startServer, temporaryFolder } from './helpers.mjs'

const ORIGIN = `https://${HOST}`

const passing = host => `location / { proxy_pass UPSTREAM; proxy_set_header Host ${host}; }`

/** Everything is cached that the answers let be: what sets cookies, what was posted, and refusals as well. */
const CACHING = `
  proxy_cache everything;
  proxy_cache_methods GET HEAD POST;
  proxy_cache_valid any 10m;
  proxy_ignore_headers Set-Cookie;
  add_header X-Cache $upstream_cache_status always;`

const SETTINGS = {
  host: passing('$host'),
  'http-host': passing('$http_host'),
  'no-host': 'location / { proxy_pass UPSTREAM; }',
  kept: `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; location / { proxy_pass UPSTREAM; }`,
  caching: `${CACHING} ${passing('$host')}`,
  'caching-but-users': `${CACHING} proxy_no_cache $http_authorization; proxy_cache_bypass $http_authorization; ${passing('$host')}`,
}

const STRIPPING = 'location /app/ { proxy_pass UPSTREAM/; proxy_set_header Host $host; }'

const root = await startServer()
const allowing = await startServer({ allowedOrigin: ORIGIN })
const ports = await startNginx(certificates(temporaryFolder()), {
  ...Object.fromEntries(Object.entries(SETTINGS).map(([name, settings]) => [name, { upstream: root.port, settings }])),
  'no-host-but-allowed': { upstream: allowing.port, settings: SETTINGS['no-host'] },
  stripping: { upstream: root.portBelowApp, settings: STRIPPING },
  'stripping-unsaid': { upstream: root.port, settings: STRIPPING },
})

const WITH_FETCH_METADATA = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }
/** Safari before 16.4, for one. */
const WITHOUT_FETCH_METADATA = {}

/** A tab of a browser at a page of the application. */
class Tab {
  constructor(through, { host = HOST, origin = `https://${host}`, metadata = WITH_FETCH_METADATA, below = '' } = {}) {
    Object.assign(this, { through, host, origin, metadata, below, jar: new CookieJar() })
  }

  async send(method, path, { sub, bearer } = {}) {
    const url = `https://${HOST}${this.below}${path}`
    const headers = { host: this.host, cookie: await this.jar.getCookieString(url), ...this.metadata }
    // Browsers leave it out where a page of the same origin only reads.
    if (method !== 'GET' && this.origin) headers.origin = this.origin
    if (bearer) headers.authorization = `Bearer ${bearer}`
    if (sub) headers['content-type'] = 'application/json'
    const where = { host: '127.0.0.1', port: ports[this.through], servername: HOST, path: this.below + path }
    const request = https.request({ ...where, method, headers, rejectUnauthorized: false, agent: false })
    const [response] = await once(request.end(sub && JSON.stringify({ sub })), 'response')
    const answer = await text(response)
    const cookies = response.headers['set-cookie'] ?? []
    for (const line of cookies) await this.jar.setCookie(line, url)
    const isJson = response.headers['content-type']?.includes('json')
    const { statusCode: status, headers: received } = response
    return { status, headers: received, cookies, body: isJson ? JSON.parse(answer) : answer }
  }

  login = sub => this.send('POST', '/login', { sub })
  me = (bearer, path = '/me') => this.send('GET', path, { bearer })
  refresh = () => this.send('POST', '/auth/refresh')
  logout = () => this.send('POST', '/auth/logout')

  async token(answer) {
    const { status, body } = await answer
    assert.equal(status, 200, JSON.stringify(body))
    return body.access_token
  }
}

/** From login to logout, and what a refresh says behind it. */
async function walk(tab) {
  const first = await tab.token(tab.login('ada'))
  assert.equal((await tab.me(first)).body.sub, 'ada')
  const second = await tab.token(tab.refresh())
  const me = await tab.me(second)
  assert.deepEqual(me.body, { sub: 'ada', cookies: [MARKER] })
  assert.equal((await tab.logout()).status, 204)
  assert.deepEqual((await tab.jar.serialize()).cookies.filter(({ value }) => value), [])
  const refused = await tab.refresh()
  assert.equal(refused.status, 401)
  assert.equal(refused.body.code, 'session_unknown')
}

/** What a browser cannot do whose origin nobody can tell, and that nothing came of it. */
async function refused(tab) {
  for (const answer of [await tab.login('ada'), await tab.refresh(), await tab.logout()]) {
    assert.equal(answer.status, 403)
    assert.equal(answer.body.code, 'cross_origin')
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.deepEqual(answer.cookies, [])
  }
}

const BROWSERS = { 'a browser': WITH_FETCH_METADATA, 'a browser without Fetch Metadata': WITHOUT_FETCH_METADATA }

for (const [browser, metadata] of Object.entries(BROWSERS)) {
  describe(browser, () => {
    for (const name of ['host', 'http-host', 'kept', 'no-host-but-allowed']) {
      test(`keeps a session: ${name}`, () => walk(new Tab(name, { metadata })))
    }
    test('keeps a session below a prefix that is taken away', () => walk(new Tab('stripping', { metadata, below: '/app' })))
    for (const host of [`${HOST}:443`, 'App.Example.com', 'APP.EXAMPLE.COM:443']) {
      test(`is of the origin ${ORIGIN} where Host is ${host}`, () =>
        walk(new Tab('http-host', { metadata, host, origin: ORIGIN })))
    }
    const host = `${HOST}:8443`
    test('keeps a session at a port of its own where Host is passed with it', () =>
      walk(new Tab('http-host', { metadata, host })))
  })
}

describe('a Host that is another', () => {
  const elsewhere = {
    'that of the upstream': ['no-host', {}],
    'without the port': ['host', { host: `${HOST}:8443` }],
  }
  for (const [what, [name, options]] of Object.entries(elsewhere)) {
    test(`${what}: Fetch Metadata says where the page is`, () => walk(new Tab(name, options)))
    test(`${what}: without Fetch Metadata nothing is done`, () =>
      refused(new Tab(name, { ...options, metadata: WITHOUT_FETCH_METADATA })))
    test(`${what}: what is no browser passes`, () =>
      walk(new Tab(name, { ...options, metadata: WITHOUT_FETCH_METADATA, origin: null })))
  }
  test('a page elsewhere is refused by each of them', async () => {
    for (const name of ['host', 'http-host', 'no-host', 'no-host-but-allowed', 'kept', 'caching']) {
      await refused(new Tab(name, { origin: 'https://evil.example', metadata: { 'sec-fetch-site': 'cross-site' } }))
      await refused(new Tab(name, { origin: 'https://evil.example', metadata: WITHOUT_FETCH_METADATA }))
    }
  })
})

test('below a prefix that the struct does not name, the refresh cookie does not come back', async () => {
  const tab = new Tab('stripping-unsaid', { below: '/app' })
  await tab.token(tab.login('ada'))
  const { status, body } = await tab.refresh()
  assert.equal(status, 401)
  assert.equal(body.code, 'session_ended')
})

describe('a cache for everything', () => {
  const cached = ({ headers }) => headers['x-cache'] === 'HIT'

  test('keeps no answer of the session routes and no refusal', async () => {
    const [ada, bob, nobody] = Array.from({ length: 3 }, () => new Tab('caching'))
    const uncached = async answer => {
      const got = await answer
      assert.ok(['MISS', 'EXPIRED'].includes(got.headers['x-cache']), got.headers['x-cache'])
      assert.equal(got.headers['cache-control'], 'no-store')
      return got
    }
    const tokens = new Map()
    // The same body, so that no key would tell them apart either.
    for (const tab of [ada, bob]) tokens.set(tab, await tab.token(uncached(tab.login('ada'))))
    assert.notEqual(tokens.get(ada), tokens.get(bob), 'two sessions')
    for (const tab of [nobody, ada, nobody, bob, nobody]) {
      const guarded = await uncached(tab.me(tokens.get(tab), '/private'))
      const refreshed = await uncached(tab.refresh())
      assert.equal(guarded.status, tab === nobody ? 401 : 200)
      assert.equal(refreshed.status, tab === nobody ? 401 : 200)
      const forged = await uncached(tab.me(`${tokens.get(ada)}x`, '/private'))
      assert.equal(forged.status, 401)
      if (tab === nobody) continue
      const sid = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sid
      assert.equal(sid(refreshed.body.access_token), sid(tokens.get(tab)))
    }
    for (const tab of [nobody, ada, bob]) assert.equal((await uncached(tab.logout())).status, 204)
    const left = await ada.jar.getCookies(`https://${HOST}/auth/refresh`)
    assert.deepEqual(left, [])
  })

  test('asks for the browser module anew', async () => {
    const tab = new Tab('caching')
    for (let time = 0; time < 3; time++) {
      const { status, headers } = await tab.send('GET', '/auth/client.js')
      assert.deepEqual([status, headers['x-cache'], headers['cache-control']], [200, 'MISS', 'no-cache'])
    }
  })

  // nginx goes by the answer alone, although RFC 9111, section 3.5, has a shared cache keep nothing that was asked for with
  // `Authorization`. It is also what shows that the cache of these tests keeps anything.
  test("keeps a guarded handler's answer that does not say otherwise", async () => {
    const [ada, nobody] = [new Tab('caching'), new Tab('caching')]
    const token = await ada.token(ada.login('ada'))
    assert.equal((await nobody.me()).status, 401)
    assert.equal(cached(await ada.me(token)), false)
    assert.equal(cached(await nobody.me()), true)
  })

  test('keeps none for a request with a token where it is told so', async () => {
    const [ada, nobody] = [new Tab('caching-but-users'), new Tab('caching-but-users')]
    const token = await ada.token(ada.login('ada'))
    // Not the same as above, because the cache is.
    for (let time = 0; time < 2; time++) {
      assert.equal((await ada.me(token, '/me?by=ada')).body.sub, 'ada')
      assert.equal((await nobody.me(undefined, '/me?by=ada')).status, 401)
    }
  })
})
