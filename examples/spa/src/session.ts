import { createSession, SessionError } from '@stateless-session/client'

/** As in examples/quickstart.rs. */
export interface Claims {
  sub: string
  name: string
  role: 'admin' | 'user'
  generation: number
}

// The two options because this bundle comes from Vite, not from the session routes.
export const session = createSession<Claims>({ base: '/auth', cookie: '__Host-stateless-session' })
import.meta.hot?.dispose(() => session.dispose())

export async function login(name: string, password: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch('/login', { method: 'POST', headers, body: JSON.stringify({ name, password }) })
  if (response.status === 401) throw new Error('Wrong name or password.')
  if (!response.ok) throw new Error(`The server refused: ${response.status}.`)
  await session.adopt(await response.json())
}

export async function logoutEverywhere(): Promise<void> {
  const response = await session.fetch('/logout-everywhere', { method: 'POST' })
  if (!response.ok) throw new Error(`The server refused: ${response.status}.`)
  await session.logout()
}

export function messageOf(error: unknown): string {
  if (error instanceof SessionError && error.code === 'cookies_blocked') {
    return 'This browser did not store the session cookies. Safari needs https; other browsers may block cookies here.'
  }
  if (error instanceof TypeError || (error instanceof SessionError && error.code === 'offline')) {
    return 'The server does not answer.'
  }
  return error instanceof Error ? error.message : String(error)
}
