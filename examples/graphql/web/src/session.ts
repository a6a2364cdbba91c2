import { ApolloClient, InMemoryCache, RefetchEventManager, windowFocusSource } from '@apollo/client'
import { createSession } from '@stateless-session/client'
import { sessionLink } from '@stateless-session/client/apollo'
import { type Person, type SessionPayload, WHO } from './documents'

/** As in ../../src/session.rs. */
export interface Claims {
  sub: string
  role: 'app_user' | 'app_admin'
  generation: number
}

// The two options because this bundle comes from Vite, not from the session routes.
export const session = createSession<Claims>({ base: '/auth', cookie: '__Host-todos' })
import.meta.hot?.dispose(() => session.dispose())

/** Todos come from PostGraphile or Apollo Server where the program is told so; accounts are the program's own. */
export const ACCOUNTS = { uri: '/graphql' }

/** Whom the last login was for. */
let person: Person | undefined

export function createClient(): ApolloClient {
  const cache = new InMemoryCache()
  const isHere = person && String(person.id) === session.claims?.sub
  if (isHere) cache.writeQuery({ query: WHO, data: { currentPerson: { __typename: 'Person', ...person! } as Person } })
  return new ApolloClient({
    cache,
    link: sessionLink(session, { uri: '/graphql/todos' }),
    // So that a tab shows what was done in another.
    refetchEventManager: new RefetchEventManager({ sources: { windowFocus: windowFocusSource } }),
  })
}

export const adopt = (login: SessionPayload) => {
  person = login.person
  return session.adopt({ access_token: login.accessToken, expires_in: login.expiresIn })
}
