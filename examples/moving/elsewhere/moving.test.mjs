// People who are signed in with Auth.js or Better Auth come over: the Rust program asks the old server whose the cookies are.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { Auth } from '@auth/core'
import Credentials from '@auth/core/providers/credentials'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'

const PROGRAM = `${process.env.CARGO_TARGET_DIR ?? new URL('../../../target', import.meta.url).pathname}/debug/moving`
const ORIGIN = 'http://localhost:3000'
const secret = 'xM4pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6'
const cookies = answer => answer.headers.getSetCookie().map(line => line.split(';')[0]).join('; ')

const ending = []
after(() => ending.forEach(end => end()))

/** A server of Fetch's requests and answers. */
async function serve(handler) {
  const server = http.createServer(async (request, response) => {
    const { method, headers } = request
    const body = method === 'POST' ? await text(request) : undefined
    const answer = await handler(new Request(new URL(request.url, ORIGIN), { method, headers, body }))
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  ending.push(() => (server.close(), server.closeAllConnections()))
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => (server.close(), server.closeAllConnections()) }
}

async function start(OLD_SESSION_URL) {
  const child = spawn(PROGRAM, { env: { ...process.env, PORT: '0', OLD_SESSION_URL }, stdio: ['ignore', 'pipe', 'ignore'] })
  ending.push(() => child.kill())
  for await (const line of createInterface(child.stdout)) if (line.startsWith('http:')) return line
  throw new Error('the program did not start')
}

/** Signed in at the old server: the cookies. */
const OLD = {
  'Auth.js': async () => {
    const authorize = ({ name }) => ({ id: '7', name })
    const config = { secret, trustHost: true, basePath: '/api/auth', providers: [Credentials({ credentials: { name: {} }, authorize })] }
    const handler = request => Auth(request, config)
    const ask = (path, init) => handler(new Request(`${ORIGIN}/api/auth/${path}`, init))
    const csrf = await ask('csrf')
    const { csrfToken } = await csrf.json()
    const headers = { 'content-type': 'application/x-www-form-urlencoded', cookie: cookies(csrf) }
    const body = new URLSearchParams({ csrfToken, name: 'alice' })
    return { handler, path: '/api/auth/session', cookie: cookies(await ask('callback/credentials', { method: 'POST', headers, body })) }
  },
  'Better Auth': async () => {
    const database = memoryAdapter({ user: [], session: [], account: [], verification: [] })
    const { handler } = betterAuth({ secret, baseURL: ORIGIN, database, emailAndPassword: { enabled: true } })
    const headers = { 'content-type': 'application/json', origin: ORIGIN }
    const body = JSON.stringify({ email: 'alice@example.com', password: 'wonderland', name: 'alice' })
    const signedUp = await handler(new Request(`${ORIGIN}/api/auth/sign-up/email`, { method: 'POST', headers, body }))
    return { handler, path: '/api/auth/get-session', cookie: cookies(signedUp) }
  },
}

for (const [name, signIn] of Object.entries(OLD)) {
  test(`who is signed in with ${name} comes over without a login`, async () => {
    const { handler, path, cookie } = await signIn()
    const old = await serve(handler)
    const program = await start(old.url + path)
    const move = headers => fetch(`${program}/move`, { method: 'POST', headers })

    const moved = await move({ cookie: `theme=dark; ${cookie}` })
    assert.equal(moved.status, 200)
    const { access_token } = await moved.json()
    const admin = await fetch(`${program}/admin`, { headers: { authorization: `Bearer ${access_token}` } })
    assert.deepEqual([admin.status, await admin.text()], [200, 'the reports'])
    assert.equal((await fetch(`${program}/auth/refresh`, { method: 'POST', headers: { cookie: cookies(moved) } })).status, 200)

    assert.equal((await move({})).status, 401)
    const at = cookie.lastIndexOf('=') + 8
    const tampered = cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1)
    assert.equal((await move({ cookie: tampered })).status, 401)
    assert.equal((await move({ cookie, 'sec-fetch-site': 'cross-site' })).status, 403)
    // An outage is no answer: the page asks again.
    old.stop()
    assert.equal((await move({ cookie })).status, 503)
  })
}
