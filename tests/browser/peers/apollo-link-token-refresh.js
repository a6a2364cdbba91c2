import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client/core'
import { TokenRefreshLink } from 'apollo-link-token-refresh'

let token, end
function keep({ access_token, expires_in }) {
  token = access_token
  end = Date.now() + expires_in * 1000
}

const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([
    new TokenRefreshLink({
      isTokenValidOrUndefined: async () => !token || Date.now() < end,
      async fetchAccessToken() {
        const response = await fetch('/auth/refresh', { method: 'POST' })
        if (response.ok) keep(await response.clone().json())
        return response
      },
      handleFetch() {},
    }),
    new ApolloLink((operation, forward) => {
      operation.setContext({ headers: { Authorization: `Bearer ${token}` } })
      return forward(operation)
    }),
    new HttpLink({ uri: '/graphql' }),
  ]),
})

window.adopt = keep
window.call = async n => {
  const { data } = await client.query({ query: gql(`query Q${n} { me }`), fetchPolicy: 'no-cache' })
  return data.me
}
