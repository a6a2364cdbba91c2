import type { ApolloClient } from '@apollo/client'
import { ApolloProvider, useQuery } from '@apollo/client/react'
import { useSession } from '@stateless-session/client/react'
import { type ReactNode, useEffect, useState } from 'react'
import { Account, Login } from './Account'
import { WHO } from './documents'
import { People } from './People'
import { type Claims, createClient, session } from './session'
import { Todos } from './Todos'

export const STATUS = {
  unknown: 'Looking for a session',
  out: 'Signed out',
  in: 'Signed in',
  offline: 'Offline',
  login_required: 'This needs a more recent login',
}

export function App() {
  const { state, claims } = useSession(session)
  return (
    <>
      <header>
        <h1>Todos</h1>
        <p role="status" className={`status ${state}`}>{STATUS[state]}</p>
      </header>
      <main>
        {state === 'offline' && (
          <p className="note">The server does not answer. You stay signed in; this page goes on trying.</p>
        )}
        <Client key={claims?.sub ?? ''}>
          {state === 'out' && <Login />}
          {claims && <SignedIn claims={claims} />}
        </Client>
      </main>
    </>
  )
}

/** A client for each user, so that what comes late for one is never shown to another. */
export function Client({ children }: { children: ReactNode }) {
  const [client, setClient] = useState<ApolloClient>()
  useEffect(() => {
    const client = createClient()
    setClient(client)
    return () => client.stop()
  }, [])
  return client && <ApolloProvider client={client}>{children}</ApolloProvider>
}

function SignedIn({ claims }: { claims: Claims }) {
  const { data } = useQuery(WHO)
  return (
    <>
      <Todos userId={Number(claims.sub)} isAdmin={claims.role === 'app_admin'} />
      {claims.role === 'app_admin' && <People name={data?.currentPerson?.name ?? ''} userId={Number(claims.sub)} />}
      <Account name={data?.currentPerson?.name ?? ''} isAdmin={claims.role === 'app_admin'} />
    </>
  )
}
