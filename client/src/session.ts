/** How this browser stands. `unknown` until the first answer; `offline` while the session routes do not answer; `login_required` when a handler asked for a more recent login (`max_age`). */
export type State = 'unknown' | 'in' | 'out' | 'offline' | 'login_required'

/** What led to a state: `start` is the page's load, `refresh` a new token, `unavailable` an outage; `login` and `logout` may have happened in another tab. */
export type Reason =
  | 'start'
  | 'login'
  | 'logout'
  | 'refresh'
  | 'unavailable'
  | 'session_ended'
  | 'session_unknown'
  | 'login_required'

/** State, claims and reason, as one object that is replaced at every change and never altered. */
export type Snapshot<Claims> = { readonly reason: Reason } & (
  | { readonly state: 'in' | 'login_required'; readonly claims: Claims }
  | { readonly state: 'offline'; readonly claims: Claims | null }
  | { readonly state: 'unknown' | 'out'; readonly claims: null }
)

/** What the application's login and the refresh route answer (RFC 6749, section 5.1). */
export interface TokenResponse {
  access_token: string
  /** The lifetime in seconds, counted from the moment of receipt; without it, the token's own `exp - iat`. */
  expires_in?: number
  token_type?: string
}

/**
 * - `out`: there is no session.
 * - `offline`: the session routes do not answer, and no token is valid any more.
 * - `other_session`: another login took this session's place in the meantime.
 * - `cookies_blocked`: the browser did not store the session cookies.
 * - `configuration`: an option is missing.
 * - `disposed`: `dispose()` was called, or there is no browser here, as where a server renders.
 */
export type SessionErrorCode =
  | 'out'
  | 'offline'
  | 'other_session'
  | 'cookies_blocked'
  | 'configuration'
  | 'disposed'

/** What `token`, `fetch`, `adopt` and `logout` reject with; every other error is the network's own. */
export class SessionError extends Error {
  override readonly name = 'SessionError'

  constructor(readonly code: SessionErrorCode) {
    super(code)
  }
}

/** Nothing is needed where the server serves this module beside the session routes. */
export interface SessionOptions {
  /** Where the session routes are, such as `/auth`; without it, the folder this module came from. */
  base?: string
  /** The session marker's full name, such as `__Host-my-app`; without it, the name the server wrote into the module. */
  cookie?: string
  /** `false` on an origin that cannot read the marker: the page asks the server once at load, and compares `sid` instead. */
  marker?: boolean
  /** Origins, besides the page's own, that get the token, such as `https://api.example.com`. */
  origins?: readonly string[]
}

export interface Session<Claims> {
  /** How this browser stands, as of the last event. */
  readonly state: State
  /** The claims of the latest token, without the registered ones but with `sub`; `null` while there is none. */
  readonly claims: Claims | null
  /** State and claims together; the same object until something changes. */
  snapshot(): Snapshot<Claims>
  /** Calls back after every change, not at once; returns the function that stops it. */
  subscribe(callback: (snapshot: Snapshot<Claims>) => void): () => void
  /** A valid access token, refreshed when needed; rejects with `out`, `offline`, `other_session` or `disposed`. */
  token(): Promise<string>
  /**
   * `fetch` with the token, for the own and the listed origins; without a session, or with an `Authorization` of the
   * caller's, a plain one. A 401 that refuses the token makes one refresh and one repeat; where that fails, the 401 is
   * the answer. Where CORS hides why a 401 was given, only GET and HEAD are repeated. Rejects with `offline` rather than to
   * send a signed-in user's request without a token, and as soon as the caller's `signal` says so.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /**
   * Takes what the application's own login answered, and gives it back: a `Response` that is not ok, or an answer without a
   * token, as it is, for the caller to show. Rejects with `cookies_blocked` or `other_session`.
   */
  adopt<Answer extends Response | TokenResponse>(answer: Answer): Promise<Answer>
  /**
   * Signs out here and in all tabs at once, then tells the server. Resolves even if the server is not reached, since
   * without the marker the cookies are worthless; with `marker: false` it rejects with `offline` then.
   */
  logout(): Promise<void>
  /**
   * For clients that do not go through `fetch`: given the `WWW-Authenticate` of a 401 and the token that it refuses,
   * the token to repeat the request with, once, or `null` if the answer is to be passed on.
   */
  challenged(wwwAuthenticate: string | null | undefined, refused: string): Promise<string | null>
  /** Ends timers, listeners, the channel and a refresh in flight; the session itself stays, and a reload finds it. */
  dispose(): void
}

interface Token<Claims> {
  value: string
  claims: Claims
  sid: string
  life: number
  lead: number
  steady: number
  wall: number
}

interface Message extends Partial<TokenResponse> {
  code?: string
  ask?: boolean
  age?: number
  wall?: number
  over?: string | null
  reason?: Reason
}

/**
 * Whether the marker can be read: the module that the server serves is for its own pages, which can; `sibling.js` is for pages of
 * another origin of the same site, which cannot. The npm package is for both, by the option.
 */
declare const READS_MARKER: boolean | undefined

const PREFIX = '__Host-'
const SERVED_COOKIE = '__SESSION_COOKIE__'
const SIBLINGS_ANSWER = 40
const SIBLING_REFRESHES = 3_000
const SERVER_ANSWERS = 10_000
const LOOK_EVERY = 2_000
const LEAST_WAIT = 1_000
const MOST_WAIT = 60_000
const ASKS_AGAIN = 5_000
/** Whoever forces no refresh for so long begins with short pauses again. */
const CALM = 10_000

const decode = (base64url: string) => atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))

/** Whether a `sid` is the first half of the marker's SHA-256. */
async function isOf(marker: string, sid: string): Promise<boolean> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(marker))
  return String.fromCharCode(...new Uint8Array(digest, 0, 16)) === decode(sid)
}

/** The payload, unverified: the server verifies, the page only reads. */
function payloadOf(token: string | undefined): Record<string, unknown> {
  try {
    const bytes = Uint8Array.from(decode(token!.split('.')[1]!), char => char.charCodeAt(0))
    const json = new TextDecoder().decode(bytes)
    return JSON.parse(json) ?? {}
  } catch {
    return {}
  }
}

/** Starts the session of this page; one per page is enough. */
export function createSession<Claims extends object = Record<string, unknown>>(
  options: SessionOptions = {},
): Session<Claims> {
  const { cookie = SERVED_COOKIE, marker } = options
  const readable = typeof READS_MARKER === 'undefined' ? (marker ?? true) : READS_MARKER
  // Neither is known where nobody wrote the cookie in, as in a bundle.
  const isKnown = (readable ? cookie : options.base ? PREFIX : SERVED_COOKIE).startsWith(PREFIX)
  if (!isKnown || marker === !readable) throw new SessionError('configuration')
  const base = new URL('.', new URL(options.base?.replace(/\/?$/, '/') ?? import.meta.url, location.href)).href
  const origins = [location.href, ...(options.origins ?? [])].map(origin => new URL(origin).origin)
  const callbacks = new Set<(snapshot: Snapshot<Claims>) => void>()
  const ended = new Set<unknown>()
  const disposal = new AbortController()
  const siblings = new BroadcastChannel(base)

  /** The marker that was last acted upon or, where it cannot be read, the `sid`, empty before the first answer. */
  let identity: string | null | undefined = readable ? undefined : ''
  let alive = !readable
  let token: Token<Claims> | null = null
  let snapshot = { state: 'unknown', claims: null, reason: 'start' } as Snapshot<Claims>
  let stepUp = false
  /** Replaced when the session changes: an answer to an older one is not listened to. */
  let current = new AbortController()
  let pending: Promise<void> | null = null
  let stopWaiting = () => {}
  let timer: ReturnType<typeof setTimeout>
  let failures = 0
  let notBefore = 0
  let retryAt = 0
  let said = false
  /** When the page asks once more although the session is unknown; 0 until it was. */
  let againAt = readable ? 0 : Infinity
  /** Until when no refresh is forced, and how long that pause is. */
  let brake = -Infinity
  let pause = 0

  /** On the console, once, what the page cannot mend. */
  const say = (...what: unknown[]) => {
    said ||= (console.error('session', ...what), true)
    return null
  }

  function readMarker(): string | null {
    if (!readable) return identity!
    const pair = document.cookie.split('; ').find(pair => pair.startsWith(cookie + '='))
    return pair?.slice(cookie.length + 1) || null
  }

  // One clock stops while the computer sleeps, the other may be set back.
  const age = (it = token!) => Math.max(performance.now() - it.steady, Date.now() - it.wall)
  const left = () => (token ? Math.max(0, token.life - age()) : 0)
  const isEnding = () => !token || left() <= token.lead
  const untilRefresh = () => {
    if (!alive) return LOOK_EVERY
    if (failures) return retryAt - performance.now()
    return token ? Math.max(left() - token.lead, LEAST_WAIT - age()) : 0
  }

  function emit(reason: Reason) {
    const claims = token && token.claims
    const state = !alive ? 'out' : failures ? 'offline' : !token ? 'unknown' : stepUp ? 'login_required' : 'in'
    if (disposal.signal.aborted || (state === snapshot.state && claims === snapshot.claims)) return
    snapshot = { state, claims, reason } as Snapshot<Claims>
    for (const callback of callbacks) {
      try {
        callback(snapshot)
      } catch (error) {
        reportError(error)
      }
    }
  }

  function succeed(next: Token<Claims> | null, reason: Reason) {
    token = next
    failures = notBefore = retryAt = 0
    emit(reason)
  }

  /** From here on, whatever is under way belongs to a session that is over. */
  function settle(next: string | null, lives: boolean, reason: Reason, first: Token<Claims> | null = null) {
    current.abort()
    current = new AbortController()
    pending = null
    stopWaiting()
    if (identity && identity !== next) ended.add(identity)
    identity = next
    alive = lives
    stepUp = false
    succeed(first, reason)
  }

  function look(reason?: Reason) {
    const marker = readMarker()
    if (disposal.signal.aborted || marker === identity) return
    settle(marker, !!marker, reason ?? (marker ? 'login' : 'logout'))
    refresh()
  }

  /** A token counts only beside the marker it was issued with, whoever brings it and however late. */
  async function arrive(answer: Message, reason: Reason = 'refresh'): Promise<boolean> {
    // No claim may pass for the object's prototype.
    const { iss, aud, sid, auth_time, iat, exp, __proto__, ...claims } = payloadOf(answer.access_token)
    const steady = performance.now() - Math.max(0, Number(answer.age) || 0)
    const wall = Number(answer.wall) || Date.now()
    const life = (answer.expires_in ?? (exp as number) - (iat as number)) * 1000
    const lead = Math.min(30_000, life / 5) * (1 - Math.random() / 5)
    let next = sid as string
    if (readable) {
      const marker = readMarker()
      if (!marker || !(await isOf(marker, next).catch(() => false)) || readMarker() !== marker) return false
      next = marker
    }
    if (!next || !(life > 0) || ended.has(next) || disposal.signal.aborted) return false
    const fresh = { value: answer.access_token!, claims: claims as Claims, sid: sid as string, life, lead, steady, wall }
    if (next !== identity) settle(next, true, 'login', fresh)
    else if (!token || (token.value !== fresh.value && age(fresh) <= age())) {
      alive = true
      succeed(fresh, reason)
    }
    stopWaiting()
    wake()
    return true
  }

  const tell = (message: Message) => disposal.signal.aborted || siblings.postMessage(message)
  const share = () =>
    token && tell({ access_token: token.value, expires_in: token.life / 1000, age: age(), wall: token.wall })

  function end(reason: Reason) {
    const over = identity!
    if (readable) document.cookie = cookie + '=; Path=/; Secure; SameSite=Strict; Max-Age=0'
    // Reading makes the browser finish writing before other tabs are told to look.
    settle(readable ? readMarker() : null, false, reason)
    tell({ reason, over })
  }

  function refresh(forced = false) {
    if (!alive || pending || performance.now() < notBefore) return
    const mine = renew(current, forced).finally(() => {
      if (pending === mine) pending = null
      wake()
    })
    pending = mine
  }

  async function settled() {
    while (pending) await pending
    look()
  }

  async function renew(controller: AbortController, forced: boolean) {
    const before = token
    const since = forced ? performance.now() : -Infinity
    const isSpared = async (wait: number) => {
      await new Promise<void>(resolve => {
        const timeout = setTimeout(resolve, wait)
        stopWaiting = () => {
          clearTimeout(timeout)
          resolve()
        }
      })
      return controller !== current || (token !== before && left() > 0 && age() <= performance.now() - since)
    }
    if (!forced && !left()) {
      tell({ ask: true })
      if (await isSpared(SIBLINGS_ANSWER)) return
    }
    let asking: Promise<void> | undefined
    const askOnce = () => {
      stopWaiting()
      return (asking ??= ask(controller))
    }
    // Nothing waits for the lock manager, which may be absent, throw, or never answer.
    const lock = async () => navigator.locks.request(base, { ifAvailable: true }, held => held && askOnce())
    lock().catch(askOnce)
    if (!(await isSpared(SIBLING_REFRESHES))) askOnce()
    await asking
  }

  async function ask(controller: AbortController) {
    look()
    if (controller !== current) return
    const timeout = setTimeout(() => controller.abort(), Math.min(MOST_WAIT, SERVER_ANSWERS * 2 ** failures))
    let response: Response | undefined
    let answer: Message = {}
    try {
      response = await fetch(base + 'refresh', { method: 'POST', credentials: 'include', signal: controller.signal })
      answer = (await response.json()) ?? {}
    } catch {}
    clearTimeout(timeout)
    if (controller !== current) return
    if (response?.ok && (await arrive(answer))) {
      share()
      return
    }
    if (controller === current) look()
    if (controller !== current) return
    if (response?.status === 401) {
      if (answer.code === 'session_ended') return end(answer.code)
      if (answer.code === 'session_unknown') {
        settle(identity!, false, answer.code)
        // Its cookies may have stayed behind this once.
        againAt ||= performance.now() + ASKS_AGAIN
        return
      }
    }
    // Anything else is an outage, and an outage is not a logout.
    if (response && response.status < 500) say(base + 'refresh', response.status, answer.code)
    current = new AbortController()
    failures++
    const after = response?.headers.get('Retry-After') ?? ''
    const wait = Number(after) * 1000 || Date.parse(after) - Date.now() || 0
    notBefore = performance.now() + Math.min(MOST_WAIT, Math.max(LEAST_WAIT, wait))
    retryAt = notBefore + Math.random() * Math.min(MOST_WAIT, 1000 * 2 ** failures)
    emit('unavailable')
  }

  /** Looks at the marker, refreshes when it is time, and sleeps for a while unless the page is hidden. */
  function wake() {
    clearTimeout(timer)
    look()
    if (disposal.signal.aborted || document.hidden) return
    if (!alive && identity && performance.now() >= againAt) alive = !!(againAt = Infinity)
    if (untilRefresh() <= 0) refresh()
    // Timers drop fractions: without the millisecond more, the page would wake just too early, and again at once.
    timer = setTimeout(wake, pending ? LOOK_EVERY : Math.min(LOOK_EVERY, untilRefresh() + 1))
  }

  function hasten(event: Event) {
    retryAt = notBefore
    if (!readable && alive && (event as PageTransitionEvent).persisted) settle(identity!, true, 'start')
    wake()
  }

  async function getToken(): Promise<string> {
    look()
    const began = identity
    if (isEnding()) refresh()
    if (!left()) await settled()
    if (disposal.signal.aborted) throw new SessionError('disposed')
    if (!alive) throw new SessionError('out')
    if (began && began !== identity) throw new SessionError('other_session')
    if (!left()) throw new SessionError('offline')
    return token!.value
  }

  const errorOf = (header?: string | null) => /\bBearer\b.*\berror="(\w+)"/i.exec(header ?? '')?.[1]

  /** The token to repeat a request with that was refused for `error`: a challenge's, or the code of a problem. */
  async function recover(error = '', refused: string): Promise<string | null> {
    const isSame = () => token?.sid === payloadOf(refused)['sid']
    look()
    if (!token || !isSame()) return null
    if (/^(insufficient_user_authentication|login_required)$/.test(error)) {
      stepUp = true
      emit('login_required')
    }
    if (!/^(invalid_token|stale_token|cors)$/.test(error)) return null
    if (token.value === refused || !left()) {
      if (!pending) {
        const since = performance.now() - brake
        if (since < 0) return say(error)
        pause = since < CALM ? Math.min(MOST_WAIT, pause * 2) : LEAST_WAIT
        brake = performance.now() + pause
      }
      refresh(true)
      await settled()
    }
    return left() && token.value !== refused && isSame() ? token.value : null
  }

  async function send(request: Request): Promise<Response> {
    request.signal.throwIfAborted()
    if (!origins.includes(new URL(request.url).origin) || request.headers.has('Authorization')) return fetch(request)
    const value = await getToken().catch((error: SessionError) => {
      if (error.code !== 'out') throw error
    })
    if (!value) return fetch(request)
    const sendAs = (bearer: string, to: Request) => {
      to.headers.set('Authorization', 'Bearer ' + bearer)
      return fetch(to)
    }
    const response = await sendAs(value, request.clone())
    if (response.status !== 401) return response
    const { headers, type } = response
    // CORS may hide the reason, and then a repeat must do no harm. A body that is not ours may have no end.
    const error: string =
      errorOf(headers.get('WWW-Authenticate')) ??
      (/problem/.test(headers.get('Content-Type')!) ? (await response.clone().json().catch(() => 0)).code : type)
    const another = await recover(error, value)
    return another && (error !== 'cors' || /^(GET|HEAD)$/.test(request.method)) ? sendAs(another, request) : response
  }

  siblings.onmessage = ({ data }: MessageEvent<Message | null>) => {
    const { reason, access_token, ask, over } = data ?? {}
    look(reason)
    if (access_token) arrive(data!)
    if (ask && left()) share()
    if (!readable && over) {
      if (over === identity) settle(null, false, reason!)
      ended.add(over)
    }
  }
  for (const type of ['pageshow', 'online', 'visibilitychange']) addEventListener(type, hasten, disposal)
  if (readable) look('start')
  else refresh()
  wake()

  return {
    get state() {
      return snapshot.state
    },
    get claims() {
      return snapshot.claims
    },
    snapshot: () => snapshot,
    subscribe(callback) {
      callbacks.add(callback)
      return () => void callbacks.delete(callback)
    },
    token: getToken,
    fetch(input, init) {
      const request = new Request(input, init)
      // The caller's signal counts while a token is awaited, which others may go on waiting for.
      const aborted = new Promise<never>((_, reject) => {
        request.signal.onabort = () => reject(request.signal.reason)
      })
      return Promise.race([send(request), aborted])
    },
    async adopt(answer) {
      const issued = answer instanceof Response ? answer.ok && (await answer.clone().json()) : answer
      if (!issued.access_token) return answer
      if (await arrive(issued, 'login')) {
        share()
        return answer
      }
      look()
      throw new SessionError(disposal.signal.aborted ? 'disposed' : readable && !readMarker() ? 'cookies_blocked' : 'other_session')
    },
    async logout() {
      end('logout')
      const controller = new AbortController()
      setTimeout(() => controller.abort(), SERVER_ANSWERS)
      const request = { method: 'POST', credentials: 'include', keepalive: true, signal: controller.signal } as const
      const response = await fetch(base + 'logout', request).catch(() => null)
      if (!readable && !response?.ok) throw new SessionError('offline')
    },
    challenged: (header, refused) => recover(errorOf(header), refused),
    dispose() {
      disposal.abort()
      clearTimeout(timer)
      siblings.close()
      settle(identity!, false, 'logout')
    },
  }
}
