import { ApolloClient, InMemoryCache, gql } from '@apollo/client/core'
import { createSession } from '/auth/client.js'
import { sessionLink } from '../../../client/src/apollo.ts'

const session = createSession()
const link = sessionLink(session, { uri: '/graphql' })
const client = new ApolloClient({ cache: new InMemoryCache(), link })

window.adopt = session.adopt
window.call = async n => {
  const { data } = await client.query({ query: gql(`query Q${n} { me }`), fetchPolicy: 'no-cache' })
  return data.me
}
