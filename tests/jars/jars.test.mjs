// Cookie jars that others wrote: each logs in, refreshes with what it kept, and has nothing left behind a logout.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import {
  HOST, MARKER, REFRESH_COOKIE, certificates, file, program, startForwardProxy, startServer, startTls, temporaryFolder,
} from './helpers.mjs'

const PYTHON = file('.venv/bin/python')
const CLIENTS = {
  curl: () => [file('curl.sh')],
  requests: () => [PYTHON, file('requests_jar.py')],
  httpx: () => [PYTHON, file('httpx_jar.py')],
  aiohttp: () => [PYTHON, file('aiohttp_jar.py')],
  'java.net.http': proxy => ['java', ...(proxy ? [`-Dhttps.proxyHost=127.0.0.1`, `-Dhttps.proxyPort=${proxy}`] : []), file('Jar.java')],
  'HTTP::Cookies': () => ['perl', file('jar.pl')],
  'tough-cookie': () => [process.execPath, file('tough-cookie.mjs')],
  reqwest: () => [program('jar-reqwest')],
}

// In seconds; the refresh cookie lives for a week.
const A_DAY_LATER = 25 * 60 * 60
const BEHIND_THE_FIRST_COOKIE = 7.5 * 24 * 60 * 60

/** The steps, and what each must show: `jar` is the number of the session whose cookies the jar holds. */
const STEPS = [
  ['POST /login ada', { status: 200, jar: 1 }],
  ['GET /me', { status: 200, sub: 'ada', jar: 1 }],
  ['POST /auth/refresh', { status: 200, jar: 1 }],
  ['GET /me', { status: 200, sub: 'ada', jar: 1 }],
  [`POST /clock/${A_DAY_LATER}`, { status: 204, jar: 1 }],
  // Writes the refresh cookie anew, and only with the new one does the next go well.
  ['POST /auth/refresh', { status: 200, jar: 1 }],
  [`POST /clock/${BEHIND_THE_FIRST_COOKIE}`, { status: 204, jar: 1 }],
  ['GET /me', { status: 401, code: 'invalid_token', jar: 1 }],
  ['POST /auth/refresh', { status: 200, jar: 1 }],
  ['GET /me', { status: 200, sub: 'ada', jar: 1 }],
  ['POST /login bob', { status: 200, jar: 2 }],
  ['GET /me', { status: 200, sub: 'bob', jar: 2 }],
  ['POST /auth/refresh', { status: 200, jar: 2 }],
  ['GET /me', { status: 200, sub: 'bob', jar: 2 }],
  ['POST /auth/logout', { status: 204, jar: 0 }],
  ['POST /auth/refresh', { status: 401, code: 'session_unknown', jar: 0 }],
]

const folder = temporaryFolder()
const files = certificates(folder)

/** Lets one client take the steps at a server of its own, whose clock they move, at `host` or one that only a proxy finds. */
async function run(t, client, host) {
  const { port } = await startServer()
  const PORT = await startTls(files, port)
  const proxy = host === HOST && (await startForwardProxy(PORT))
  const [command, ...args] = CLIENTS[client](proxy)
  const env = { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8', CA: files.authority, PORT }
  env.ORIGIN = proxy ? `https://${host}` : `https://${host}:${PORT}`
  if (proxy) env.HTTPS_PROXY = env.https_proxy = `http://127.0.0.1:${proxy}`
  const ran = await promisify(execFile)(command, [...args, ...STEPS.map(([step]) => step)], { env, timeout: 60_000 })
  const [line, ...more] = ran.stdout.trim().split('\n')
  assert.deepEqual(more, [], 'one line')
  const { version, steps } = JSON.parse(line)
  t.diagnostic(`${client} ${version}`)
  return steps
}

/** The refresh cookie of a jar that holds it and the marker and nothing else. */
function sessionOf(jar, what) {
  const [marker, refreshCookie] = [...jar].sort()
  assert.equal(marker, MARKER, what)
  assert.match(refreshCookie ?? '', REFRESH_COOKIE, what)
  assert.equal(jar.length, 2, what)
  return refreshCookie
}

function check(seen) {
  assert.equal(seen.length, STEPS.length)
  const sessions = []
  const tokens = new Set()
  STEPS.forEach(([step, expected], index) => {
    const { status, body, jar } = seen[index]
    const what = `step ${index + 1}, ${step}: ${status}, ${jar}`
    assert.equal(status, expected.status, what)
    assert.equal(body?.sub, expected.sub, what)
    assert.equal(body?.code, expected.code, what)
    if (body?.access_token) tokens.add(body.access_token)
    if (expected.jar === 0) return assert.deepEqual(jar, [], what)
    const session = sessionOf(jar, what)
    sessions[expected.jar] ??= session
    assert.equal(session, sessions[expected.jar], what)
    // The refresh cookie is for the session routes only.
    if (body?.sub) assert.deepEqual(body.cookies, [MARKER], what)
  })
  assert.notEqual(sessions[1], sessions[2])
  assert.ok(tokens.size >= 3, 'tokens are issued anew')
}

for (const client of Object.keys(CLIENTS)) {
  describe(client, { concurrency: true }, () => {
    for (const host of ['localhost', '127.0.0.1', HOST]) {
      test(`keeps a session with ${host}`, async t => check(await run(t, client, host)))
    }
  })
}
