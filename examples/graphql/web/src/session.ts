import { ApolloClient, InMemoryCache, RefetchEventManager, windowFocusSource } from '@apollo/client'
import { createSession } from '@stateless-session/client'
import { sessionLink } from '@stateless-session/client/apollo'
import type { SessionPayload } from './documents'

/** As in ../../src/session.rs. */
export interface Claims {
  sub: string
  role: 'app_user' | 'app_admin'
  generation: number
}

// The two options because this bundle comes from Vite, not from the session routes.
export const session = createSession<Claims>({ base: '/auth', cookie: '__Host-todos' })
import.meta.hot?.dispose(() => session.dispose())

/** Todos come from PostGraphile where the server is told so; accounts are the server's own. */
export const ACCOUNTS = { uri: '/graphql' }

export function createClient(): ApolloClient {
  return new ApolloClient({
    cache: new InMemoryCache(),
    link: sessionLink(session, { uri: '/graphql/todos' }),
    // So that a tab shows what was done in another.
    refetchEventManager: new RefetchEventManager({ sources: { windowFocus: windowFocusSource } }),
  })
}

export const adopt = ({ accessToken, expiresIn }: SessionPayload): Promise<void> =>
  session.adopt({ access_token: accessToken, expires_in: expiresIn })
