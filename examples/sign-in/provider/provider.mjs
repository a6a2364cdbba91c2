// A real OpenID Connect provider on loopback: any name and any password are right there.
//
// It is at 127.0.0.1 and the application at localhost, which are two sites, as in life.

import Provider from 'oidc-provider'

const port = Number(process.env.PROVIDER_PORT ?? 4000)
const app = process.env.APP ?? 'http://localhost:3000'
const issuer = `http://127.0.0.1:${port}`

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'app',
      client_secret: 'a-secret-of-the-example-that-nobody-should-copy',
      redirect_uris: [`${app}/sign-in/callback`, `${app}/link/callback`],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      require_auth_time: true,
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false, // the address stands in the ID token
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }),
  }),
  pkce: { required: () => true },
  cookies: { keys: [crypto.randomUUID()] },
})

provider.listen(port, '127.0.0.1', () => console.log(`the provider is ${issuer}`))
