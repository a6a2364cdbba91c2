// A server that offers to bind, https in front of it that can fail at one route, and browsers with keys, each with a profile of its own.

import { execFile, execFileSync, spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import puppeteer from 'puppeteer-core'

const TARGET = process.env.CARGO_TARGET_DIR ?? new URL('../../../target', import.meta.url).pathname
const SERVER = join(TARGET, 'debug/binding-server')

/** What every server of these tests signs with, unless a test says otherwise. */
export const SECRETS = {
  ACCESS_TOKEN_SECRET: 'pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4',
  REFRESH_TOKEN_SECRET: 'Zk7YwPq2LmXv9RtBn4HsJd6FgC1oUe8AiTy3NbVr5WzQ',
}
export const NEXT_REFRESH_SECRET = 'H2mVb9TqXr4LcZs7WnKp1YjFe6GdUa3RoIi8NvBt5MyQ'

/** Until `condition` gives something true; what it gave. */
export async function until(condition, what = condition.toString(), patience = 60_000) {
  const end = Date.now() + patience
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited ${patience} ms for: ${what}`)
    await sleep(20)
  }
}

const folders = []
export function folder() {
  const made = mkdtempSync(join(tmpdir(), 'binding-tests-'))
  folders.push(made)
  return made
}
process.on('exit', () => folders.forEach(made => rmSync(made, { recursive: true, force: true, maxRetries: 5 })))

export async function startServer(env = { OFFERS: '1' }) {
  const stderr = process.env.SERVER_LOG ? 'inherit' : 'ignore'
  const child = spawn(SERVER, { env: { ...process.env, PORT: '0', ...SECRETS, ...env }, stdio: ['pipe', 'pipe', stderr] })
  const [line] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('the server did not start'))),
  ])
  const port = Number(line)
  return {
    port,
    /** Seconds that its clock is ahead. */
    async clock(ahead) {
      const headers = { 'Content-Type': 'application/json' }
      await fetch(`http://127.0.0.1:${port}/clock`, { method: 'POST', headers, body: String(ahead) })
    },
    async stop() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** What the route of the device does instead of answering. */
const FAULTS = {
  killed: (_, response) => response.destroy(),
  silent: () => {},
  302: (_, response) => response.writeHead(302, { Location: '/blank' }).end(),
}

/** https in front of a server, which notes what it has seen. */
export async function startProxy(server) {
  const made = folder()
  const [key, cert] = [join(made, 'key.pem'), join(made, 'cert.pem')]
  const names = ['-subj', '/CN=example.test', '-addext', 'subjectAltName=DNS:example.test,DNS:*.example.test', '-days', '2']
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  execFileSync('openssl', [...request, '-keyout', key, '-out', cert, ...names], { stdio: 'ignore' })
  const options = { key: readFileSync(key), cert: readFileSync(cert) }
  const spki = new X509Certificate(options.cert).publicKey.export({ type: 'spki', format: 'der' })
  const proxy = {
    upstream: server.port,
    seen: [],
    fault: null,
    /** Whether no connection is served. */
    away: false,
    /** The pin by which a browser admits the certificate. */
    pin: createHash('sha256').update(spki).digest('base64'),
  }
  const secure = https.createServer(options, (request, response) => {
    const { method, url, headers } = request
    const note = { method, url, headers, status: 0 }
    if (proxy.away) return response.destroy()
    proxy.seen.push(note)
    response.on('finish', () => (note.status = response.statusCode))
    if (proxy.fault && url === '/auth/device') {
      const fault = FAULTS[proxy.fault] ?? ((_, response) => response.writeHead(Number(proxy.fault)).end())
      return fault(request, response)
    }
    const onward = http.request({ host: '127.0.0.1', port: proxy.upstream, method, path: url, headers }, answer => {
      note.answer = answer.headers
      response.writeHead(answer.statusCode, answer.rawHeaders)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  secure.listen(0, '127.0.0.1')
  await once(secure, 'listening')
  const { port } = secure.address()
  proxy.origin = `https://example.test:${port}`
  proxy.port = port
  /** Lines of what came for the session's routes since `mark`. */
  proxy.lines = (mark = 0) =>
    proxy.seen.slice(mark).filter(({ url }) => /^\/(login|auth\/(refresh|logout|device))/.test(url)).map(({ method, url, status }) => `${method} ${url} ${status}`)
  proxy.mark = () => proxy.seen.length
  /** What a program with these cookies is answered, which is no browser. */
  proxy.curl = async (path, cookies, ...more) => {
    const jar = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const to = [`${proxy.origin}${path}`, '--connect-to', `example.test:${port}:127.0.0.1:${port}`]
    const { stdout } = await promisify(execFile)('curl', ['-sk', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}', '-X', 'POST', '-H', `Cookie: ${jar}`, ...more, ...to])
    return Number(stdout)
  }
  /** Ends every connection. */
  proxy.cut = () => secure.closeAllConnections()
  proxy.stop = () => {
    secure.close()
    secure.closeAllConnections()
  }
  return proxy
}

const FEATURES = 'DeviceBoundSessions,EnableBoundSessionCredentialsSoftwareKeysForManualTesting'

/** A browser with a profile of its own, with or without keys. */
export async function startBrowser(proxy, { profile = folder(), keys = true } = {}) {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    userDataDir: profile,
    timeout: 120_000,
    protocolTimeout: 60_000,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-component-update',
      '--disable-sync',
      `--ignore-certificate-errors-spki-list=${proxy.pin}`,
      '--host-resolver-rules=MAP *.example.test 127.0.0.1, MAP example.test 127.0.0.1',
      ...(keys ? [`--enable-features=${FEATURES}`] : []),
    ],
  })
  browser.profile = profile
  return browser
}

/** A tab without the module, so that nothing asks but the test. */
export async function open(browser, origin, path = '/blank') {
  const page = await browser.newPage()
  await page.goto(`${origin}${path}`)
  return page
}

const post = (page, url, init) =>
  page.evaluate(
    async (url, init) => {
      try {
        const answer = await fetch(url, { method: 'POST', ...init })
        const body = await answer.text()
        return { status: answer.status, body: body && JSON.parse(body) }
      } catch (error) {
        return { status: 'network error', body: String(error) }
      }
    },
    url,
    init,
  )

export const refresh = page => post(page, '/auth/refresh')
export const logout = page => post(page, '/auth/logout')

/** Signs in; the answer. */
export function login(page, sub) {
  const headers = { 'Content-Type': 'application/json' }
  return post(page, '/login', { headers, body: JSON.stringify({ sub }) })
}

export const claimsOf = answer => JSON.parse(Buffer.from(answer.body.access_token.split('.')[1], 'base64url'))

/** All cookies of a browser. */
export async function jar(page) {
  const cdp = await page.createCDPSession()
  const { cookies } = await cdp.send('Storage.getCookies')
  await cdp.detach()
  return cookies
}

export const bound = cookies => cookies.find(({ name }) => name.includes('-bound-'))

/** Puts somebody's cookies into another browser. */
export async function putJar(page, cookies) {
  const cdp = await page.createCDPSession()
  const params = cookies.map(({ name, value, domain, path, expires, httpOnly, secure, sameSite }) => ({ name, value, domain, path, expires, httpOnly, secure, sameSite }))
  await cdp.send('Storage.setCookies', { cookies: params })
  await cdp.detach()
}

/** Signs in and waits until the browser has registered its key. */
export async function signInBound(page, proxy, sub = 'ada') {
  const mark = proxy.mark()
  const answer = await login(page, sub)
  if (answer.status !== 200) throw new Error(JSON.stringify(answer))
  await until(() => proxy.lines(mark).includes('POST /auth/device 200'), 'the registration').catch(error => {
    throw new Error(`${error.message}; seen: ${proxy.lines(mark)}`)
  })
  await until(async () => bound(await jar(page)), 'the bound cookie')
}

/** The bound cookie ends. */
export async function endStamp(page) {
  const { name, domain, path } = bound(await jar(page)) ?? {}
  if (!name) return
  const cdp = await page.createCDPSession()
  await cdp.send('Network.deleteCookies', { name, domain, path })
  await cdp.detach()
}
