// HTTP/2 to the server itself, by prior knowledge: cookies in many fields, many users on one connection, and nonsense.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import { text } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import { FLAG, TYPE, block, bytes, exchange, frame } from './frames.mjs'
import { HOST, MARKER, startServer } from './helpers.mjs'

const ORIGIN = `https://${HOST}`
const server = await startServer()

function connect({ port } = server) {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  after(() => session.destroy())
  return session
}

async function send(session, method, path, { sub, ...fields } = {}) {
  const body = sub && JSON.stringify({ sub })
  const type = body ? { 'content-type': 'application/json' } : {}
  const stream = session.request({ ':method': method, ':path': path, ':authority': HOST, ...type, ...fields })
  stream.end(body)
  const [headers] = await once(stream, 'response')
  const answer = await text(stream)
  const isJson = headers['content-type']?.includes('json')
  return { status: headers[':status'], headers, body: isJson ? JSON.parse(answer) : answer }
}

const claims = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))

/** Logs in; the two cookies as pairs, the refresh cookie's first. */
async function login(session, sub) {
  const { status, headers, body } = await send(session, 'POST', '/login', { sub, origin: ORIGIN })
  assert.equal(status, 200)
  const cookies = headers['set-cookie'].map(line => line.split(';')[0])
  return { sub, cookies, token: body.access_token, sid: claims(body.access_token).sid }
}

const refresh = (session, fields) => send(session, 'POST', '/auth/refresh', fields)

test('a session from login to logout', async () => {
  const session = connect()
  const { cookies, token } = await login(session, 'ada')
  const me = await send(session, 'GET', '/me', { authorization: `Bearer ${token}`, cookie: cookies[1] })
  assert.deepEqual(me.body, { sub: 'ada', cookies: [MARKER] })
  const refreshed = await refresh(session, { cookie: cookies.join('; '), origin: ORIGIN })
  assert.equal(claims(refreshed.body.access_token).sub, 'ada')
  const left = await send(session, 'POST', '/auth/logout', { cookie: cookies.join('; '), origin: ORIGIN })
  assert.equal(left.status, 204)
  assert.deepEqual(left.headers['set-cookie'].map(line => line.split('=')[1].split(';')[0]), ['', ''])
  assert.equal((await refresh(session, { origin: ORIGIN })).body.code, 'session_unknown')
})

describe('cookies in many fields (RFC 9113, section 8.2.3)', () => {
  const siblings = count => Array.from({ length: count }, (_, index) => `sibling${index}=${'x'.repeat(20)}`)
  const ways = {
    'one each': ([token, marker]) => [token, marker],
    'one each, the other way round': ([token, marker]) => [marker, token],
    'others before, between and behind': ([token, marker]) => [...siblings(3), marker, ...siblings(3), token, ...siblings(3)],
    'two with others': ([token, marker]) => [`a=b; ${marker}`, `${token}; c=d`],
    'more than a hundred of others': ([token, marker]) => [...siblings(60), token, ...siblings(60), marker],
    'the same marker twice': ([token, marker]) => [marker, token, marker],
    'an older token of the session beside it': ([token, marker]) => [`${token.split('=')[0]}=old`, token, marker],
  }
  const refused = {
    'two markers': ['session_unknown', ([token, marker]) => [token, marker, `${MARKER}=${'A'.repeat(22)}`]],
    'a pair that is cut in two': ['session_unknown', ([token, marker]) => [token.slice(0, 80), token.slice(80), marker]],
    'no token': ['session_ended', ([, marker]) => [marker, ...siblings(3)]],
    'no marker': ['session_unknown', ([token]) => [token, ...siblings(3)]],
  }
  const session = connect()
  for (const [what, way] of Object.entries(ways)) {
    test(`${what}: refreshes`, async () => {
      const { cookies, sid } = await login(session, 'ada')
      const { status, body } = await refresh(session, { cookie: way(cookies) })
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(claims(body.access_token).sid, sid)
    })
  }
  for (const [what, [code, way]] of Object.entries(refused)) {
    test(`${what}: ${code}`, async () => {
      const { cookies } = await login(session, 'ada')
      const { status, headers, body } = await refresh(session, { cookie: way(cookies) })
      assert.deepEqual([status, body.code, headers['set-cookie']], [401, code, undefined])
    })
  }
})

test('more fields than a server takes end the request, not the connection', async () => {
  const session = connect()
  const { cookies } = await login(session, 'ada')
  const many = Array.from({ length: 400 }, (_, index) => `sibling${index}=${'x'.repeat(20)}`)
  assert.equal((await refresh(session, { cookie: [...many, ...cookies] })).status, 431)
  assert.equal((await refresh(session, { cookie: cookies })).status, 200)
})

describe('the host of a request is its `:authority`', () => {
  const session = connect()
  const cases = [
    [200, { ':authority': HOST, origin: ORIGIN }],
    [200, { ':authority': `${HOST}:443`, origin: ORIGIN }],
    [200, { ':authority': 'APP.example.com', origin: ORIGIN }],
    [403, { ':authority': HOST, origin: 'https://evil.example' }],
    [403, { ':authority': HOST, host: 'evil.example', origin: 'https://evil.example' }],
    [403, { ':authority': `${HOST}:8443`, origin: ORIGIN }],
    [403, { ':authority': HOST, origin: [ORIGIN, ORIGIN] }],
    [200, { ':authority': 'upstream', origin: ORIGIN, 'sec-fetch-site': 'same-origin' }],
  ]
  for (const [expected, fields] of cases) {
    test(`${expected}: ${JSON.stringify(fields)}`, async () => {
      const { cookies } = await login(session, 'ada')
      const { status } = await refresh(session, { cookie: cookies, ...fields })
      assert.equal(status, expected)
    })
  }
})

test('many users on one connection: nobody gets what is another’s', async () => {
  const own = await startServer()
  const session = connect(own)
  const users = await Promise.all(Array.from({ length: 30 }, (_, number) => login(session, `user${number}`)))
  assert.equal(new Set(users.map(({ sid }) => sid)).size, users.length)
  // From here on every refresh writes the refresh cookie anew, too.
  await send(session, 'POST', '/clock/90000')
  const rounds = Array.from({ length: 8 }, () => users).flat()
  let refreshes = 0
  const ended = await Promise.allSettled(
    rounds.map(async ({ sub, cookies, sid }, index) => {
      // Somebody who does not wait for the answer; with twenty at once a server takes it for an attack.
      if (index % 30 === 0) {
        const given = session.request({ ':method': 'POST', ':path': '/auth/refresh', ':authority': HOST, cookie: cookies })
        given.on('error', () => {}).close(http2.constants.NGHTTP2_CANCEL)
      }
      const { status, headers, body } = await refresh(session, { cookie: index % 2 ? cookies : cookies.join('; ') })
      assert.equal(status, 200)
      const got = claims(body.access_token)
      assert.deepEqual([got.sub, got.sid], [sub, sid])
      const [written, ...more] = headers['set-cookie']
      assert.deepEqual(more, [])
      const [name, token] = written.split(';')[0].split('=')
      assert.equal(name, cookies[0].split('=')[0])
      assert.deepEqual([claims(token).sub, claims(token).sid], [sub, sid])
      const me = await send(session, 'GET', '/me', { authorization: `Bearer ${body.access_token}` })
      assert.equal(me.body.sub, sub)
      refreshes += 1
    }),
  )
  // Not before all have ended, because a session that is torn down in between takes the test process along.
  for (const { reason } of ended) assert.ifError(reason)
  assert.equal(refreshes, 240)
  assert.ok(own.isRunning())
})

describe('what is no request', async () => {
  const session = connect()
  const { cookies } = await login(session, 'ada')
  const PSEUDO = [[':method', 'POST'], [':scheme', 'http'], [':path', '/auth/refresh'], [':authority', HOST]]
  const COOKIES = cookies.map(pair => ['cookie', pair])
  const FIELDS = [...PSEUDO, ...COOKIES]
  const ENDS = FLAG.END_STREAM | FLAG.END_HEADERS
  const request = fields => [frame(TYPE.HEADERS, ENDS, 1, block(fields))]
  const without = name => FIELDS.filter(([field]) => field !== name)
  const whole = block(FIELDS)
  const [head, tail] = [whole.subarray(0, 50), whole.subarray(50)]
  const filler = index => [`filler-${index}`, 'x'.repeat(1000)]
  const continued = parts => [
    frame(TYPE.HEADERS, FLAG.END_STREAM, 1, whole),
    ...parts.map((part, index) => frame(TYPE.CONTINUATION, index === parts.length - 1 ? FLAG.END_HEADERS : 0, 1, part)),
  ]

  // Each of the others is these with one thing wrong, so that they would get a token if it passed.
  const right = {
    'as it should be': request(FIELDS),
    'in two frames': [frame(TYPE.HEADERS, FLAG.END_STREAM, 1, head), frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 1, tail)],
    padded: [frame(TYPE.HEADERS, ENDS | FLAG.PADDED, 1, Buffer.concat([bytes(3), whole, bytes(0, 0, 0)]))],
  }
  const wrong = {
    'an index of no table': request([...FIELDS, bytes(0xff, 0xff, 0x7f)]),
    'an index of 0': request([...FIELDS, bytes(0x80)]),
    'an integer without an end': request([...FIELDS, bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)]),
    'a value that is longer than the block': request([...FIELDS, bytes(0, 1, 0x61, 0x7e, 0x62)]),
    "Huffman's end within a value": request([...FIELDS, bytes(0, 1, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff)]),
    'a table of a gigabyte': request([bytes(0x3f, 0xe1, 0xff, 0xff, 0xff, 0x03), ...FIELDS]),
    'another size of the table within': request([...FIELDS, bytes(0x20), ['a', 'b']]),
    'a name in upper case': request([...PSEUDO, ...COOKIES.map(([, pair]) => ['Cookie', pair])]),
    'an empty name': request([...FIELDS, ['', 'a']]),
    'a name with a space': request([...FIELDS, ['coo kie', 'a']]),
    'a name with a colon': request([...FIELDS, ['coo:kie', 'a']]),
    'a name with NUL': request([...FIELDS, ['coo\0kie', 'a']]),
    'a cookie with NUL': request([...FIELDS, ['cookie', 'a=\0']]),
    'a cookie with CR': request([...FIELDS, ['cookie', 'a=\r']]),
    'a cookie with LF': request([...FIELDS, ['cookie', 'a=b\ncookie: c=d']]),
    'a pseudo-field behind fields': request([...without(':path'), [':path', '/auth/refresh']]),
    'two paths': request([[':path', '/me'], ...FIELDS]),
    'two methods': request([[':method', 'GET'], ...FIELDS]),
    'two authorities': request([[':authority', 'evil.example'], ...FIELDS]),
    'a pseudo-field that is unknown': request([[':user', 'ada'], ...FIELDS]),
    'a status': request([[':status', '200'], ...FIELDS]),
    'no method': request(without(':method')),
    'no path': request(without(':path')),
    'no scheme': request(without(':scheme')),
    'an empty path': request([...without(':path').slice(0, 3), [':path', ''], ...COOKIES]),
    'a path that is none': request([[':path', 'auth refresh'], ...without(':path')]),
    'an authority that is none': request([[':authority', 'app example'], ...without(':authority')]),
    'connection': request([...FIELDS, ['connection', 'close']]),
    'transfer-encoding': request([...FIELDS, ['transfer-encoding', 'chunked']]),
    'keep-alive': request([...FIELDS, ['keep-alive', 'timeout=5']]),
    'upgrade': request([...FIELDS, ['upgrade', 'h2c']]),
    'te that is not trailers': request([...FIELDS, ['te', 'gzip']]),
    'content-length of a body that is not there': request([...FIELDS, ['content-length', '5']]),
    'content-length that is none': request([...FIELDS, ['content-length', 'five']]),
    'hundreds of kilobytes of fields': continued(
      Array.from({ length: 40 }, (_, index) => block(Array.from({ length: 15 }, (_, part) => filler(index * 15 + part)))),
    ),
    'thousands of empty continuations': continued(Array.from({ length: 5000 }, () => bytes())),
    'a frame larger than agreed': request([...FIELDS, ...Array.from({ length: 20 }, (_, index) => filler(index))]),
    'another frame before the continuation': [
      frame(TYPE.HEADERS, FLAG.END_STREAM, 1, head),
      frame(TYPE.DATA, 0, 1, bytes(0)),
      frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 1, tail),
    ],
    "another stream's continuation": [
      frame(TYPE.HEADERS, FLAG.END_STREAM, 1, head),
      frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 3, tail),
    ],
    'a continuation of nothing': [frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 1, whole)],
    'stream 0': [frame(TYPE.HEADERS, ENDS, 0, whole)],
    "a server's stream": [frame(TYPE.HEADERS, ENDS, 2, whole)],
    'more padding than frame': [frame(TYPE.HEADERS, ENDS | FLAG.PADDED, 1, Buffer.concat([bytes(255), bytes(0x82)]))],
    'a stream that depends on itself': [
      frame(TYPE.HEADERS, ENDS | FLAG.PRIORITY, 1, Buffer.concat([bytes(0, 0, 0, 1, 16), whole])),
    ],
  }

  const servesOthers = async () => {
    assert.ok(server.isRunning())
    const { status, body } = await refresh(session, { cookie: cookies })
    assert.equal(status, 200)
    assert.equal(claims(body.access_token).sub, 'ada')
  }
  for (const [what, frames] of Object.entries(right)) {
    test(`${what}: refreshes`, async () => assert.equal(await exchange(server.port, frames), 200))
  }
  for (const [what, frames] of Object.entries(wrong)) {
    test(what, async t => {
      const outcome = await exchange(server.port, frames)
      t.diagnostic(String(outcome))
      const isRefused = outcome === 'connection' || outcome === 'stream' || (outcome >= 400 && outcome < 500)
      assert.ok(isRefused, String(outcome))
      await servesOthers()
    })
  }
  test('whatever bytes', async () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = createHash('sha512').update(String(seed)).digest()
      const within = Buffer.concat([whole.subarray(0, seed * 2), random, whole.subarray(seed * 2)])
      const outcome = await exchange(server.port, [frame(TYPE.HEADERS, ENDS, 1, within)])
      assert.ok(outcome === 'connection' || outcome === 'stream' || outcome >= 400, `${seed}: ${outcome}`)
    }
    await servesOthers()
  })
  test('another beginning', async () => {
    for (const preface of ['PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', 'PRI * HTTP/9.0\r\n\r\nSM\r\n\r\n', '\0\0\0\0']) {
      const outcome = await exchange(server.port, request(FIELDS), { preface, patience: 1000 })
      assert.notEqual(outcome, 200, JSON.stringify(preface))
      await servesOthers()
    }
  })
})
