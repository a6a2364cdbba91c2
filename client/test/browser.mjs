// A browser as far as the module can see one: several tabs with their own globals, one cookie jar, locks, channels that
// deliver late, two clocks that can be set, timers that fire when told, and a scripted server.

import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SourceTextModule, createContext } from 'node:vm'

export const ORIGIN = 'https://app.example'
export const MARKER = '__Host-my-app'
const built = name => new URL(`../../session-runtime/client/${name}.js`, import.meta.url)
const source = name => readFileSync(process.env.SESSION_MODULE ?? built(name), 'utf8')
const sources = { client: source('client'), sibling: source('sibling') }

export const sidOf = marker => createHash('sha256').update(marker).digest().subarray(0, 16).toString('base64url')
const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url')
export const payloadOf = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))

/** Lets everything that is not waiting for a timer run to its end. */
export async function quiet() {
  for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
}

export class Browser {
  now = 1_000_000
  wallOffset = 0
  asleep = 0
  jar = new Map()
  tabs = []
  timers = []
  channelDelay = 1
  locks = new Set()
  blocksCookies = false
  /** Called while a digest is under way. */
  digesting = null
  sequence = 0
  server = new Server(this)

  after(delay, run, tab) {
    const timer = { at: this.now + Math.max(1, Math.trunc(delay) || 0), order: this.sequence++, run, tab }
    this.timers.push(timer)
    return timer
  }

  cancel(timer) {
    this.timers = this.timers.filter(other => other !== timer)
  }

  async pass(milliseconds) {
    const end = this.now + milliseconds
    await quiet()
    for (let fired = 0; ; fired++) {
      if (fired > 100_000) throw new Error('a timer without an end')
      const due = this.timers.filter(timer => timer.at <= end && !timer.tab?.frozen)
      if (due.length === 0) break
      const next = due.reduce((a, b) => (b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a))
      this.cancel(next)
      this.now = Math.max(this.now, next.at)
      next.run()
      await quiet()
    }
    this.now = end
  }

  /** The computer sleeps: the monotonic clock and timers stand still, the wall clock goes on. */
  sleep(milliseconds) {
    this.wallOffset += milliseconds
  }

  setCookie(line) {
    if (this.blocksCookies) return
    const [pair, ...attributes] = line.split('; ')
    const [name, value] = pair.split('=')
    if (name.startsWith('__Host-') && !(attributes.includes('Secure') && attributes.includes('Path=/'))) return
    if (attributes.includes('Max-Age=0')) this.jar.delete(name)
    else this.jar.set(name, { value, httpOnly: attributes.includes('HttpOnly') })
  }

  get marker() {
    return this.jar.get(MARKER)?.value ?? null
  }

  async open(options, settings) {
    const tab = new Tab(this, settings)
    this.tabs.push(tab)
    await tab.load(options)
    return tab
  }
}

class Tab {
  hidden = false
  frozen = false
  closed = false
  listeners = []
  channels = []
  /** Every request of this page, as the network saw it. */
  requests = []
  /** What subscribers saw. */
  seen = []
  errors = []
  /** What the module said on the console. */
  said = []

  /** `served`: whether the server wrote the cookie's name into the module, as the session routes do. */
  constructor(browser, { origin = ORIGIN, globals = {}, served = true } = {}) {
    this.browser = browser
    this.origin = origin
    this.globals = globals
    this.served = served
  }

  async load(options) {
    const context = createContext(this.makeGlobals(), { codeGeneration: { strings: false, wasm: false } })
    const source = sources[options?.marker === false ? 'sibling' : 'client']
    const text = this.served ? source.replace('__SESSION_COOKIE__', MARKER) : source
    const module = new SourceTextModule(text, {
      context,
      initializeImportMeta: meta => {
        meta.url = `${this.origin}/auth/client.js`
      },
    })
    this.untouched = Object.getOwnPropertyDescriptors(this.window)
    await module.link(() => {
      throw new Error('the module imports nothing')
    })
    await module.evaluate()
    this.module = module.namespace
    this.session = module.namespace.createSession(options)
    this.session.subscribe(snapshot => this.seen.push(snapshot))
  }

  makeGlobals() {
    const tab = this
    const { browser, origin } = this
    const written = []
    const forbidden = name => ({
      configurable: true,
      get() {
        throw new Error(`${name} is not to be touched`)
      },
    })
    class TabRequest extends Request {
      constructor(input, init) {
        super(typeof input === 'string' ? new URL(input, origin) : input, init)
      }
    }
    const globals = {
      AbortController,
      AbortSignal,
      BroadcastChannel: class {
        constructor(name) {
          this.name = name
          this.tab = tab
          tab.channels.push(this)
        }
        postMessage(data) {
          if (this.isClosed) throw new Error('InvalidStateError')
          browser.post(this, structuredClone(data))
        }
        close() {
          this.isClosed = true
        }
      },
      Request: TabRequest,
      Response,
      console: { error: (...what) => tab.said.push(what.join(' ')) },
      TextDecoder,
      TextEncoder,
      URL,
      addEventListener(type, listener, { signal } = {}) {
        const entry = { type, listener }
        tab.listeners.push(entry)
        signal?.addEventListener('abort', () => {
          tab.listeners = tab.listeners.filter(other => other !== entry)
        })
      },
      atob,
      btoa,
      clearTimeout: timer => browser.cancel(timer),
      crypto: {
        subtle: {
          async digest(algorithm, bytes) {
            await browser.digesting?.()
            if (algorithm !== 'SHA-256') throw new Error(algorithm)
            return new Uint8Array(createHash('sha256').update(bytes).digest()).buffer
          },
        },
      },
      Date: { now: () => 1_700_000_000_000 + browser.now + browser.wallOffset, parse: Date.parse },
      document: {
        get hidden() {
          return tab.hidden
        },
        get cookie() {
          return [...browser.jar]
            .filter(([, cookie]) => !cookie.httpOnly && origin === ORIGIN)
            .map(([name, cookie]) => `${name}=${cookie.value}`)
            .join('; ')
        },
        set cookie(line) {
          written.push(line)
          browser.setCookie(line)
        },
      },
      fetch: (input, init) => browser.server.serve(tab, new TabRequest(input, init)),
      location: new URL(origin),
      navigator: {
        locks: {
          async request(name, { ifAvailable }, callback) {
            if (!ifAvailable) throw new Error('a lock that waits is a lock that hangs')
            await null
            if (browser.locks.has(name)) return callback(null)
            browser.locks.add(name)
            try {
              return await callback({ name })
            } finally {
              browser.locks.delete(name)
            }
          },
        },
      },
      performance: { now: () => browser.now },
      reportError: error => tab.errors.push(error),
      setTimeout: (run, delay) => browser.after(delay, run, tab),
      ...this.globals,
    }
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) {
      Object.defineProperty(globals, name, forbidden(name))
    }
    this.written = written
    this.window = globals
    return globals
  }

  dispatch(type, properties = {}) {
    for (const { type: wanted, listener } of [...this.listeners]) if (wanted === type) listener({ type, ...properties })
  }

  hide() {
    this.hidden = true
    this.dispatch('visibilitychange')
  }

  show() {
    this.hidden = false
    this.dispatch('visibilitychange')
  }

  /** Into the back/forward cache: nothing runs, no message arrives. */
  freeze() {
    this.hide()
    this.frozen = true
  }

  thaw() {
    this.frozen = false
    this.hidden = false
    this.dispatch('pageshow', { persisted: true })
  }

  close() {
    this.closed = true
    this.session.dispose()
  }

  get refreshes() {
    return this.requests.filter(request => request.path === '/auth/refresh').length
  }

  /** The application's own login form. */
  async login(user, fetch = this.window.fetch) {
    const response = await fetch('/login', { method: 'POST', body: user })
    await this.session.adopt(await response.json())
  }
}

Browser.prototype.post = function post(from, data) {
  const size = JSON.stringify(data)
  for (const tab of this.tabs) {
    for (const channel of tab.channels) {
      if (channel === from || channel.name !== from.name || tab.origin !== from.tab.origin) continue
      const delay = typeof this.channelDelay === 'function' ? this.channelDelay(size) : this.channelDelay
      this.after(delay, () => channel.isClosed || tab.closed || channel.onmessage?.({ data: structuredClone(data) }), tab)
    }
  }
}

const json = (status, body, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } })
const problem = (status, code, headers) => json(status, { status, code }, { 'Content-Type': 'application/problem+json', ...headers })
const challenge = (code, value) => problem(401, code, { 'WWW-Authenticate': value })

/** Answers as the session routes and a guarded handler do; `script` may answer first. */
export class Server {
  lifetime = 900
  latency = 5
  /** Sessions that end at the next refresh. */
  over = new Set()
  revoked = new Set()
  requests = []
  /** Called with each request; what it returns is the answer, `undefined` lets the server answer. */
  script = () => undefined

  constructor(browser) {
    this.browser = browser
  }

  token(user, sid) {
    const iat = Math.floor((1_700_000_000_000 + this.browser.now) / 1000)
    const registered = { iss: 'app', aud: 'app::Claims', sid, auth_time: iat, iat, exp: iat + this.lifetime }
    const random = randomBytes(6).toString('base64url')
    return `${encode({ typ: 'at+jwt' })}.${encode({ ...registered, sub: user, name: `${user} Ünïcödé 🦀` })}.${random}`
  }

  tokenResponse(user, sid) {
    return { access_token: this.token(user, sid), token_type: 'Bearer', expires_in: this.lifetime }
  }

  serve(tab, request) {
    if (request.signal.aborted) return Promise.reject(request.signal.reason)
    const { browser } = this
    const url = new URL(request.url)
    const authorization = request.headers.get('Authorization')
    const seen = { path: url.pathname, method: request.method, authorization, marker: browser.marker, at: browser.now, tab }
    if (request.keepalive) seen.keepalive = true
    this.requests.push(seen)
    tab.requests.push(seen)
    // The cookies of a request are those of the moment it is sent, those of an answer arrive with it.
    const cookies = new Map([...browser.jar].map(([name, cookie]) => [name, cookie.value]))
    return new Promise((resolve, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason))
      const answer = async () => {
        let outcome
        try {
          outcome = (await this.script({ ...seen, request, cookies })) ?? (await this.answer(url, request, cookies, authorization))
        } catch (error) {
          return reject(error)
        }
        const { response, sets = [], latency = this.latency, lost = false } = outcome.response ? outcome : { response: outcome }
        browser.after(
          latency,
          () => {
            if (request.signal.aborted) return
            for (const line of sets) browser.setCookie(line)
            if (lost) reject(new TypeError('network error'))
            else resolve(response)
          },
          null,
        )
      }
      answer()
    })
  }

  async answer({ pathname }, request, cookies, authorization) {
    const marker = cookies.get(MARKER)
    const refreshName = sid => `__Secure-my-app-refresh-${sid.slice(0, 8)}`
    const attributes = 'Secure; SameSite=Strict'
    if (pathname === '/login') {
      const fresh = randomBytes(16).toString('base64url')
      const sid = sidOf(fresh)
      const user = await request.text()
      return {
        response: json(200, this.tokenResponse(user, sid)),
        sets: [
          `${MARKER}=${fresh}; Path=/; ${attributes}`,
          `${refreshName(sid)}=${user}; Path=/auth; HttpOnly; ${attributes}`,
          ...(marker ? [`${refreshName(sidOf(marker))}=; Path=/auth; Max-Age=0; ${attributes}`] : []),
        ],
      }
    }
    if (pathname === '/auth/refresh') {
      const sid = marker && sidOf(marker)
      const user = marker && cookies.get(refreshName(sid))
      if (!user || this.over.has(sid)) return challenge('session_ended', 'Bearer')
      return json(200, this.tokenResponse(user, sid))
    }
    if (pathname === '/auth/logout') {
      const sets = [...cookies.keys()].filter(name => name.includes('-refresh-')).map(name => `${name}=; Max-Age=0`)
      if (marker) sets.push(`${MARKER}=; Path=/; Max-Age=0; ${attributes}`)
      return { response: new Response(null, { status: 204 }), sets }
    }
    if (!authorization) return challenge('missing_token', 'Bearer')
    const token = authorization.slice(7)
    const { exp, sub } = payloadOf(token)
    const expired = exp * 1000 + 5000 < 1_700_000_000_000 + this.browser.now
    if (expired || this.revoked.has(token)) return challenge('invalid_token', 'Bearer error="invalid_token"')
    if (pathname === '/graphql') return json(200, { data: { me: sub } })
    return json(200, { sub, body: await request.text() })
  }
}

export { challenge, json, problem }
