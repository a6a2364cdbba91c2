import { createSession, SessionError } from '@stateless-session/client'

/** As in examples/quickstart/src/main.rs. */
export interface Claims {
  sub: string
  name: string
  role: 'admin' | 'user'
  generation: number
}

// The two options because this bundle comes from Vite, not from the session routes.
export const session = createSession<Claims>({ base: '/auth', cookie: '__Host-quickstart' })
import.meta.hot?.dispose(() => session.dispose())

export async function login(name: string, password: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch('/login', { method: 'POST', headers, body: JSON.stringify({ name, password }) })
  const { ok, status } = await session.adopt(response) // rejects where the browser did not store the cookies
  if (status === 401) throw new Error('Wrong name or password.')
  if (!ok) throw new Error(`The server refused: ${status}.`)
}

export async function logoutEverywhere(): Promise<void> {
  const response = await session.fetch('/logout-everywhere', { method: 'POST' })
  if (!response.ok) throw new Error(`The server refused: ${response.status}.`)
  await session.logout()
}

export function messageOf(error: unknown): string {
  if (error instanceof SessionError && error.code === 'cookies_blocked') {
    return isSecureContext
      ? 'This browser did not store the session cookies. Safari needs https; other browsers may block cookies here.'
      : 'This page is no secure context, so browsers keep no session cookies here: use https, or localhost.'
  }
  if (error instanceof TypeError || (error instanceof SessionError && error.code === 'offline')) {
    return 'The server does not answer.'
  }
  return error instanceof Error ? error.message : String(error)
}
