import { type Session, SessionError, type SessionOptions, createSession as createSessionOfPage } from './session.js'

export * from './session.js'

/**
 * Starts the session of this page; one per page is enough. Where there is no page, as where a server renders, or in a test's
 * document without `BroadcastChannel`, it is `unknown` and asks nothing.
 */
export function createSession<Claims extends object = Record<string, unknown>>(options?: SessionOptions): Session<Claims> {
  const isPage = typeof document !== 'undefined' && typeof BroadcastChannel !== 'undefined'
  return isPage ? createSessionOfPage<Claims>(options) : nowhere
}

const refuse = () => Promise.reject(new SessionError('disposed'))

const nowhere: Session<never> = {
  state: 'unknown',
  claims: null,
  snapshot: () => UNKNOWN,
  subscribe: () => () => {},
  token: refuse,
  fetch: (input, init) => fetch(input, init),
  adopt: refuse,
  logout: async () => {},
  challenged: async () => null,
  dispose: () => {},
}

const UNKNOWN = { state: 'unknown', claims: null, reason: 'start' } as const
