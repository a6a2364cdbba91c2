import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { useSession } from '@stateless-session/client/react'
import { GraphiQL } from 'graphiql'
import 'graphiql/style.css'
import { createClient as createSocket } from 'graphql-ws'
import { createRoot } from 'react-dom/client'
import { Login } from './Account'
import { Client, STATUS } from './App'
import './graphiql.css'
import { session } from './session'

// The session of the page: whoever is signed in there is signed in here, and the other way round.
const fetcher = createGraphiQLFetcher({
  url: '/graphql',
  fetch: session.fetch,
  wsClient: createSocket({
    url: location.origin.replace('http', 'ws') + '/graphql/subscriptions',
    connectionParams: async () => (session.claims ? { access_token: await session.token() } : {}),
  }),
})

function Page() {
  const { state, claims } = useSession(session)
  return (
    <>
      <header>
        <p role="status">
          {STATUS[state]}
          {claims && `, as ${claims.role} ${claims.sub}`}
        </p>
        <Client key={claims?.sub ?? ''}>{state === 'out' && <Login />}</Client>
        {claims && <button onClick={() => session.logout()}>Log out</button>}
      </header>
      <GraphiQL fetcher={fetcher} defaultQuery="{ currentPerson { id name } }" />
    </>
  )
}

createRoot(document.getElementById('root')!).render(<Page />)
