// Compiled, never run: the interface as users write it, and what the compiler must refuse.

import { type Session, SessionError, type SessionErrorCode, type Snapshot, createSession } from '@stateless-session/client'
import { sessionLink } from '@stateless-session/client/apollo'
import { sessionAxios } from '@stateless-session/client/axios'
import { useSession } from '@stateless-session/client/react'
import { sessionClient } from '@stateless-session/client/urql'

interface Claims {
  sub: string
  role: 'admin' | 'user'
}

declare function is<Type>(value: Type): void

const session: Session<Claims> = createSession<Claims>()
createSession<Claims>({ base: '/auth', cookie: '__Host-my-app', marker: false, origins: ['https://api.example.com'] })
is<Record<string, unknown> | null>(createSession().claims)

is<string>(await session.token())
is<Response>(await session.fetch('/api/todos', { method: 'POST', body: '{}' }))
is<Response>(await session.fetch(new URL('https://api.example.com')))
await session.adopt({ access_token: 'a', token_type: 'Bearer', expires_in: 900 })
await session.adopt(await (await fetch('/login')).json())
is<Response>(await session.adopt(await fetch('/login')))
await session.logout()
is<string | null>(await session.challenged(new Response().headers.get('WWW-Authenticate'), 'refused'))
is<'unknown' | 'in' | 'out' | 'offline' | 'login_required'>(session.state)
is<'admin' | 'user' | undefined>(session.claims?.role)
const stop: () => void = session.subscribe(({ state, claims, reason }) => {
  if (state === 'in') is<Claims>(claims)
  if (state === 'out') is<null>(claims)
  // @ts-expect-error: there may be no claims while offline
  if (state === 'offline') is<Claims>(claims)
  if (reason === 'session_ended') return
  // @ts-expect-error: not a reason
  if (reason === 'expired') return
})
stop()
session.dispose()

const error: unknown = null
if (error instanceof SessionError) is<SessionErrorCode>(error.code)

// The methods need no `this`, so that a library can be handed `session.fetch`.
const { fetch: send, token, subscribe, snapshot } = session
is<typeof globalThis.fetch>(send)
is<() => Promise<string>>(token)

is<Snapshot<Claims>>(useSession(session))
is<Snapshot<Claims>>(snapshot())
is<(callback: () => void) => () => void>(subscribe)
sessionLink(session, { uri: '/graphql' })
sessionClient(session, { url: '/graphql', exchanges: [] })
sessionAxios(session, { baseURL: '/api' })

// @ts-expect-error: claims are an object
createSession<string>()
// @ts-expect-error: not an option
createSession({ path: '/auth' })
// @ts-expect-error: origins are a list
createSession({ origins: 'https://api.example.com' })
// @ts-expect-error: what a login answers has a token
session.adopt({ expires_in: 900 })
// @ts-expect-error: the state is read only
session.state = 'out'
// @ts-expect-error: claims may be absent
session.claims.role
// @ts-expect-error: not a role
session.claims?.role === 'root'
// @ts-expect-error: claims are read only as a whole
session.claims = null
// @ts-expect-error: the token is a promise
is<string>(session.token())
// @ts-expect-error: not a state
session.state === 'signed-in'
// @ts-expect-error: urql needs its options
sessionClient(session)
