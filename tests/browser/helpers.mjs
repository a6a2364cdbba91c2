// Starts what the tests need, each for one file: the server, a TLS proxy in front of it, and the browser.

import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'

export const MARKER = '__Host-browser-server'
export const REFRESH_COOKIE = /^__Secure-browser-server-refresh-[\w-]{8}$/

const TARGET = process.env.CARGO_TARGET_DIR ?? new URL('server/target', import.meta.url).pathname
const SERVER = process.env.BROWSER_SERVER ?? join(TARGET, 'debug/browser-server')
const PAGES = join(TARGET, 'debug/pages-server')
const QUICKSTART = join(TARGET, 'debug/quickstart')
const SIBLINGS = join(TARGET, 'debug/siblings')
const secret = () => randomBytes(48).toString('base64')
const SECRETS = { ACCESS_TOKEN_SECRET: secret(), REFRESH_TOKEN_SECRET: secret() }

/** Until `condition` gives something true; what it gave. */
export async function until(condition, what = condition.toString(), patience = 60_000) {
  const end = Date.now() + patience
  let last
  for (;;) {
    try {
      const value = await condition()
      if (value) return value
      last = value
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`waited ${patience} ms for: ${what}; last: ${last}`, { cause: last })
    await sleep(10)
  }
}

/** Starts `program` and waits until it prints the port that it listens on, in a line like `printed`. */
async function run(program, env, printed) {
  const stderr = process.env.SERVER_LOG ? 'inherit' : 'ignore'
  const child = spawn(program, { env: { ...process.env, ...SECRETS, ...env }, stdio: ['pipe', 'pipe', stderr] })
  const port = await new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', line => {
      const [, port] = printed.exec(line) ?? []
      if (port) resolve(Number(port))
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error('the server did not start')))
  })
  return {
    port,
    origin: `http://localhost:${port}`,
    /** Ends the server as a crash would. */
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

export const startQuickstart = ({ port = 0 } = {}) =>
  run(QUICKSTART, { PORT: String(port) }, /^http:\/\/localhost:(\d+)$/)

/** The example of pages that the server renders. */
export const startNotes = () => run(join(TARGET, 'debug/pages'), { PORT: '0' }, /^http:\/\/localhost:(\d+)$/)
/** The example with two origins: its page's, and the API's port. */
export const startSiblings = (env = {}) => run(SIBLINGS, { PORT: '0', API_PORT: '0', ...env }, /^http:\/\/localhost:(\d+)$/)

export async function startServer({ port = 0, allowedOrigin } = {}) {
  const env = { PORT: String(port), RUST_LOG: 'error' }
  if (allowedOrigin) env.ALLOWED_ORIGIN = allowedOrigin
  const server = await run(SERVER, env, /^(\d+)$/)
  const address = `http://127.0.0.1:${server.port}`
  const log = async () => (await fetch(`${address}/log`)).json()
  return {
    ...server,
    log,
    /** The requests since `mark`, a number of requests, for `path`. */
    async seen(path, mark = 0) {
      return (await log()).requests.slice(mark).filter(seen => seen.path === path && seen.method !== 'OPTIONS')
    },
    mark: async () => (await log()).requests.length,
    handled: async () => (await log()).refreshes_handled,
    async control(order) {
      const body = JSON.stringify(order)
      const headers = { 'Content-Type': 'application/json' }
      const response = await fetch(`${address}/control`, { method: 'POST', headers, body })
      if (!response.ok) throw new Error(await response.text())
    },
  }
}

/** The application that renders its pages on the server. */
export async function startPages({ cached = false } = {}) {
  const assets = mkdtempSync(join(tmpdir(), 'browser-tests-'))
  const modules = new URL('node_modules/', import.meta.url)
  copyFileSync(new URL('htmx.org/dist/htmx.js', modules), join(assets, 'htmx-2.js'))
  copyFileSync(new URL('htmx-4/dist/htmx.js', modules), join(assets, 'htmx-4.js'))
  copyFileSync(new URL('@hotwired/turbo/dist/turbo.es2017-umd.js', modules), join(assets, 'turbo.js'))
  const env = { PORT: '0', RUST_LOG: 'error', ASSETS: assets, ...(cached && { CACHED: '1' }) }
  const server = await run(PAGES, env, /^(\d+)$/)
  const address = `http://127.0.0.1:${server.port}`
  const log = async () => (await fetch(`${address}/log`)).json()
  return {
    ...server,
    async control(order) {
      const headers = { 'Content-Type': 'application/json' }
      const response = await fetch(`${address}/control`, { method: 'POST', headers, body: JSON.stringify(order) })
      if (!response.ok) throw new Error(await response.text())
    },
    /** What is seen from now on, but for what every page loads: each request as a line, and how often `Renew` was called. */
    async watch() {
      const { seen, lookups } = await log()
      return async () => {
        const now = await log()
        const requests = now.seen.slice(seen.length).filter(({ url }) => !/^\/(assets|auth\/client|favicon|sw\.js)/.test(url))
        const lines = requests.map(({ method, url, status }) => `${method} ${url} ${status}`)
        return { requests, lines, lookups: now.lookups - lookups }
      }
    },
    async stop() {
      await server.stop()
      rmSync(assets, { recursive: true, force: true })
    },
  }
}

/** https in front of a server, with `Host` and `Origin` as the browser sent them. */
export async function startProxy() {
  const folder = mkdtempSync(join(tmpdir(), 'browser-tests-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=example.test', '-days', '2']
  const files = ['-keyout', key, '-out', cert]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  execFileSync('openssl', [...request, ...files, ...subject], { stdio: 'ignore' })
  const options = { key: readFileSync(key), cert: readFileSync(cert) }
  rmSync(folder, { recursive: true })
  const proxy = { upstream: 0 }
  const server = https.createServer(options, (request, response) => {
    const { method, url, headers } = request
    const target = { host: '127.0.0.1', port: proxy.upstream, method, path: url, headers }
    const onward = http.request(target, answer => {
      response.writeHead(answer.statusCode, answer.rawHeaders)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  proxy.origin = host => `https://${host}:${port}`
  proxy.stop = () => {
    server.close()
    server.closeAllConnections()
  }
  return proxy
}

export const LAUNCH = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--ignore-certificate-errors',
    '--host-resolver-rules=MAP *.example.test 127.0.0.1, MAP example.test 127.0.0.1, MAP evil.test 127.0.0.1',
  ],
}

export const startBrowser = () => chromium.launch(LAUNCH)

/** A browser of its own for `t`, without cookies. */
export async function visitor(t, browser, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options })
  context.setDefaultTimeout(60_000)
  t.after(() => context.close())
  return context
}

const NOT_KEPT = 'the browser did not keep the page'

/** Has the page tell, as `window.shown`, what it shows when it comes back from the back/forward cache, before anything paints. */
export const tellWhenShown = page =>
  page.evaluate(() => {
    // Comes as well in this browser, and earlier; `pageshow` has to be enough.
    document.addEventListener('visibilitychange', event => event.stopPropagation())
    // Registered after the module's own listener.
    addEventListener('pageshow', ({ persisted }) => {
      window.shown = { persisted, state: session.state, sub: session.claims?.sub ?? 'nobody' }
    })
  })

/** Goes back to such a page; what it showed. */
export async function back(page) {
  await page.evaluate(() => void setTimeout(() => history.back()))
  const shown = await until(
    () => page.evaluate(() => window.shown ?? performance.getEntriesByType('navigation')[0]?.type === 'back_forward'),
    'the page',
  )
  if (shown === true) throw new Error(NOT_KEPT)
  return shown
}

/** A test of a page that the browser keeps: it is free to drop one at any time, and then the test begins anew. */
export const whereKept = run => async t => {
  for (let beginning = 1; ; beginning++) {
    try {
      return await run(t)
    } catch (error) {
      if (beginning === 3 || error.message !== NOT_KEPT) throw error
      t.diagnostic(error.message)
    }
  }
}

/** A tab with the application's page in it. */
export async function open(context, url) {
  const page = await context.newPage()
  await page.goto(url)
  await ready(page)
  return page
}

export const ready = page => until(() => page.evaluate(() => !!window.session?.subscribe), 'the module')

export const login = (page, sub) => page.evaluate(sub => window.login(sub), sub)
export const me = (page, path) => page.evaluate(path => window.me(path), path)
export const state = page => page.evaluate(() => window.session.state)
export const subject = page => page.evaluate(() => window.session.claims?.sub)

/** Until the page says it is in `wanted`, as `sub` where one is given. */
export function reaches(page, wanted, sub) {
  const seen = () => page.evaluate(() => [window.session.state, window.session.claims?.sub])
  let last
  const there = async () => {
    last = await seen()
    return last[0] === wanted && (sub === undefined || last[1] === sub)
  }
  return until(there, `state ${wanted} ${sub ?? ''}`).catch(error => {
    throw new Error(`${error.message}; the page is at ${last}`)
  })
}

export const reachesSignedIn = page => until(() => page.evaluate(() => session.state === 'in'), 'signed in')

export const markerOf = page => page.evaluate(() => document.cookie)

/** Ends the page's timers, so that nothing but an event or an answer moves it on. */
export const endTimers = page =>
  page.evaluate(() => {
    for (let id = setTimeout(() => {}); id > 0; id--) clearTimeout(id)
  })

/** Lets the page note in `asked` when it asks for a refresh, in milliseconds of its own clock from now on. */
export const noteRefreshes = page =>
  page.evaluate(() => {
    const { fetch } = window
    const start = performance.now()
    window.asked = []
    window.fetch = (input, init) => {
      if (String(input).endsWith('/auth/refresh')) window.asked.push(performance.now() - start)
      return fetch(input, init)
    }
  })

/** Lets the page's clock run until it asks for a refresh; when that was. */
export const nextRefresh = page =>
  until(async () => {
    await page.clock.runFor(500)
    return page.evaluate(() => window.asked.shift())
  }, 'a refresh')

/** A POST as programs send it: no `Origin`, no Fetch Metadata; what was answered. */
export function withoutABrowser(port, path, headers, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method: 'POST', headers }, async answer => {
      answer.setEncoding('utf8')
      resolve((await answer.toArray()).join(''))
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Has the page send a form with a file of so many megabytes to `/upload`. */
export const submitLargeForm = (page, megabytes) =>
  page.evaluate(megabytes => {
    const form = Object.assign(document.createElement('form'), { method: 'post', action: '/upload', enctype: 'multipart/form-data' })
    const input = Object.assign(document.createElement('input'), { type: 'file', name: 'file' })
    const files = new DataTransfer()
    files.items.add(new File([new Uint8Array(megabytes * 1_000_000)], 'large'))
    input.files = files.files
    form.append(input)
    document.body.append(form)
    form.submit()
  }, megabytes)
