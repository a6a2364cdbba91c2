// The same tokens in Rust, in Node with `jose` and in Python with PyJWT, over real processes.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, jwtVerify } from 'jose'

const file = name => fileURLToPath(new URL(name, import.meta.url))
const program = name => `${process.env.CARGO_TARGET_DIR ?? file('../target')}/debug/${name}-service`
const venv = file('.venv/bin/python')
const PYTHON = existsSync(venv) ? venv : 'python3'

/** What `openssl` makes keys of each kind with, as the README has it. */
const KINDS = {
  EdDSA: ['-algorithm', 'ed25519'],
  ES256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  RS256: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
}
const ALGORITHMS = Object.keys(KINDS)
const PARTIES = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' }

const secret = () => randomBytes(48).toString('base64')
const openssl = (args, input) => execFileSync('openssl', args, { input, encoding: 'utf8', stdio: 'pipe' })
const decode = part => JSON.parse(Buffer.from(part, 'base64url'))
const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url')
const now = () => Math.floor(Date.now() / 1000)

const children = []
after(() => children.forEach(child => child.kill()))

function run(command, args, variables) {
  const env = { PATH: process.env.PATH, PORT: '0', ...variables }
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
  children.push(child)
  child.errors = ''
  child.stderr.on('data', text => (child.errors += text))
  child.lines = createInterface(child.stdout)
  child.ended = once(child, 'exit').then(() => assert.fail(`${command} ${args}: ${child.errors}`))
  child.ended.catch(() => {}) // where nobody waits for it
  return child
}

/** Starts a service; its address. */
async function start(command, args, variables) {
  const child = run(command, args, variables)
  const [address] = await Promise.race([once(child.lines, 'line'), child.ended])
  return address
}

const auth = variables => start(program('auth'), [], { REFRESH_TOKEN_SECRET: secret(), ...variables })

async function login(address) {
  const body = JSON.stringify({ name: 'alice', password: 'wonderland' })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${address}/login`, { method: 'POST', headers, body })
  assert.equal(response.status, 200)
  const refreshToken = response.headers.getSetCookie().join('; ').match(/-refresh-[^=]*=([^;]*)/)[1]
  return { token: (await response.json()).access_token, refreshToken }
}

async function call(url, token) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(url, { headers })
  return { status: response.status, body: await response.text() }
}

const status = async (url, token) => (await call(url, token)).status

let python
/** Asks PyJWT to sign or, with a `token`, to decode. */
async function pyjwt(ask) {
  python ??= run(PYTHON, [file('tokens.py')], {})
  const answer = once(python.lines, 'line')
  python.stdin.write(`${JSON.stringify(ask)}\n`)
  return JSON.parse(await Promise.race([answer, python.ended]))
}

const mints = {
  jose: async ({ jwk, secret, header, payload }) =>
    new SignJWT(payload).setProtectedHeader(header).sign(jwk ? await importJWK(jwk, header.alg) : Buffer.from(secret)),
  PyJWT: pyjwt,
}

const claims = () => ({
  iss: PARTIES.issuer,
  aud: PARTIES.audience,
  sub: '1',
  sid: randomBytes(16).toString('base64url'),
  auth_time: now(),
  iat: now(),
  exp: now() + 5,
  name: 'alice',
  role: 'admin',
})

/** What is refused although the right key signed it. */
const REORDERED = 'members in another order'
const WRONG_HEADERS = {
  [REORDERED]: ({ typ, alg, kid }) => ({ alg, typ, kid }),
  'another type': header => ({ ...header, typ: 'JWT' }),
  'the type of the other kind': header => ({ ...header, typ: 'rt+jwt' }),
  'no name': ({ typ, alg }) => ({ typ, alg }),
  'another name': header => ({ ...header, kid: 'another' }),
  'one member more': header => ({ ...header, jku: 'https://example.com/jwks.json' }),
}
const wrongClaims = () => ({
  'another audience': { aud: 'https://other.example.com' },
  'the audience in a list': { aud: [PARTIES.audience] },
  'the audience of the refresh token': { aud: `${PARTIES.audience}#refresh` },
  'another issuer': { iss: 'https://other.example.com' },
  'no session': { sid: undefined },
  'a number as the subject': { sub: 1 },
  'an end in the past': { iat: now() - 60, auth_time: now() - 60, exp: now() - 30 },
  'an end as text': { exp: String(now() + 5) },
  'a beginning in the future': { iat: now() + 60, exp: now() + 65 },
})

describe('issued in Rust', () => {
  const issuers = {}

  test('by keys of every kind', async () => {
    for (const alg of ALGORITHMS) {
      const pem = openssl(['genpkey', ...KINDS[alg]])
      const origin = await auth({ ACCESS_TOKEN_PRIVATE_KEY: pem })
      const JWKS_URL = `${origin}/.well-known/jwks.json`
      // Keys on this machine are asked for without a proxy: nobody is at this one.
      const [todos, node, py] = await Promise.all([
        start(program('todos'), [], { JWKS_URL, HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9' }),
        start(process.execPath, [file('service.mjs')], { JWKS_URL }),
        start(PYTHON, [file('service.py')], { JWKS_URL }),
      ])
      const jwk = await exportJWK(createPrivateKey(pem))
      issuers[alg] = { origin, pem, jwk, services: { 'the one itself': `${origin}/me`, todos: `${todos}/todos`, node, py } }
    }
  })

  for (const alg of ALGORITHMS) {
    test(`${alg}: counts in Node and Python, and nothing else does`, async () => {
      const { origin, pem, jwk, services } = issuers[alg]
      for (const [name, url] of Object.entries(services)) {
        const { token, refreshToken } = await login(origin)
        const accepted = await call(url, token)
        assert.equal(accepted.status, 200, name)
        if (url === services.node || url === services.py) {
          const { sub, name, role, aud } = JSON.parse(accepted.body)
          assert.deepEqual({ sub, name, role, aud }, { sub: '1', name: 'alice', role: 'admin', aud: PARTIES.audience })
        }
        const [header, payload, signature] = token.split('.')
        const changed = encode({ ...decode(payload), sub: '2' })
        const publicKey = openssl(['pkey', '-pubout'], pem)
        const wrong = {
          'no token': undefined,
          'the refresh token': refreshToken,
          'another payload': `${header}.${changed}.${signature}`,
          'no signature': `${header}.${payload}.`,
          'no algorithm': `${encode({ ...decode(header), alg: 'none' })}.${payload}.`,
          // PyJWT refuses to sign with such a secret; jose does it.
          'the public key as a secret': await mints.jose({
            secret: publicKey,
            header: { ...decode(header), alg: 'HS256' },
            payload: decode(payload),
          }),
        }
        for (const claim of ['another audience', 'another issuer', 'no session', 'an end in the past']) {
          const payload = { ...claims(), ...wrongClaims()[claim] }
          wrong[claim] = await mints.jose({ jwk, header: decode(header), payload })
        }
        const minted = await mints.jose({ jwk, header: decode(header), payload: claims() })
        assert.equal(await status(url, minted), 200, `${name}: those with the right claims count`)
        for (const other of ALGORITHMS.filter(other => other !== alg)) {
          const { token } = await login(issuers[other].origin)
          wrong[other] = token
          wrong[`${other} under this header`] = `${header}.${token.split('.').slice(1).join('.')}`
        }
        for (const [what, token] of Object.entries(wrong)) assert.equal(await status(url, token), 401, `${name}: ${what}`)
      }
    })
  }
})

describe('minted elsewhere', () => {
  for (const alg of ALGORITHMS) {
    test(`${alg}: counts at a service that only verifies, under exactly one header`, async () => {
      const options = alg === 'EdDSA' ? { crv: 'Ed25519', extractable: true } : { extractable: true }
      const generate = async () => {
        const { publicKey, privateKey } = await generateKeyPair(alg, options)
        return { jwk: await exportJWK(privateKey), published: await exportJWK(publicKey) }
      }
      const { jwk, published } = await generate()
      const stranger = await generate()
      const set = JSON.stringify({ keys: [published] })
      const reports = `${await start(program('reports'), [], { ACCESS_TOKEN_PUBLIC_KEYS: set })}/reports`
      const header = { typ: 'at+jwt', alg, kid: await calculateJwkThumbprint(published) }

      // The same JWK signs in Rust as well, to the same header, byte for byte.
      const issued = await login(await auth({ ACCESS_TOKEN_PRIVATE_KEY: JSON.stringify(jwk) }))
      assert.equal(issued.token.split('.')[0], encode(header))
      assert.equal(await status(reports, issued.token), 200)

      for (const [name, mint] of Object.entries(mints)) {
        const minted = change => mint({ jwk, header, payload: claims(), ...change })
        assert.equal((await minted()).split('.')[0], encode(header), name)
        assert.equal(await status(reports, await minted()), 200, name)
        const user = await minted({ payload: { ...claims(), role: 'user' } })
        assert.equal(await status(reports, user), 403, `${name}: no administrator`)
        assert.equal(await status(reports, await minted({ jwk: stranger.jwk })), 401, `${name}: another key`)
        for (const [what, change] of Object.entries(WRONG_HEADERS)) {
          const token = await minted({ header: change(header), sorted: what === REORDERED })
          assert.equal(await status(reports, token), 401, `${name}: ${what}`)
        }
      }
      for (const [what, change] of Object.entries(wrongClaims())) {
        const token = await mints.jose({ jwk, header, payload: { ...claims(), ...change } })
        assert.equal(await status(reports, token), 401, what)
      }
    })
  }
})

test('HS256: jose and PyJWT decode what is issued, and what they mint counts', async () => {
  const shared = secret()
  const origin = await auth({ ACCESS_TOKEN_SECRET: shared })
  const { token, refreshToken } = await login(origin)
  const [header, payload] = token.split('.').slice(0, 2).map(decode)
  assert.deepEqual(Object.entries(header).slice(0, 2), [['typ', 'at+jwt'], ['alg', 'HS256']])

  const verified = await jwtVerify(token, Buffer.from(shared), { ...PARTIES, typ: 'at+jwt', algorithms: ['HS256'] })
  assert.deepEqual(verified.payload, payload)
  assert.deepEqual(await pyjwt({ token, secret: shared, header, ...PARTIES }), payload)

  const me = `${origin}/me`
  for (const [name, mint] of Object.entries(mints)) {
    const minted = change => mint({ secret: shared, header, payload: claims(), ...change })
    assert.equal(await status(me, await minted()), 200, name)
    assert.equal(await status(me, await minted({ secret: secret() })), 401, `${name}: another secret`)
    assert.equal(await status(me, await minted({ header: { ...header, alg: 'HS512' } })), 401, `${name}: HS512`)
    for (const [what, change] of Object.entries(WRONG_HEADERS)) {
      const token = await minted({ header: change(header), sorted: what === REORDERED })
      assert.equal(await status(me, token), 401, `${name}: ${what}`)
    }
  }
  assert.equal(await status(me, refreshToken), 401)
  assert.equal((await call(`${origin}/.well-known/jwks.json`)).body, '{"keys":[]}', 'a secret is not published')
})

/** Megabytes that a process has held at once. */
const mostMemory = pid => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

test('two hundred logins at once are answered in bounded memory', { skip: process.platform !== 'linux' }, async () => {
  const address = await auth({ ACCESS_TOKEN_SECRET: secret() })
  const { pid } = children.at(-1)
  const before = mostMemory(pid)
  const passwords = Array.from({ length: 200 }, (_, number) => (number % 2 === 0 ? 'wonderland' : 'wrong'))
  const statuses = await Promise.all(
    passwords.map(async password => {
      const body = JSON.stringify({ name: 'alice', password })
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${address}/login`, { method: 'POST', headers, body })
      if (response.status === 503) assert.equal(response.headers.get('retry-after'), '5')
      return response.status
    }),
  )
  const seen = new Set(statuses)
  assert.ok(seen.has(200) && seen.has(401), String([...seen]))
  assert.deepEqual([...seen].filter(status => ![200, 401, 503].includes(status)), [])
  const grown = mostMemory(pid) - before
  assert.ok(grown < 300, `${grown} MB more`)
})
