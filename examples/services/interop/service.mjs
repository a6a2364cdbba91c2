// A service in Node that accepts the same tokens: `JWKS_URL=http://127.0.0.1:4000/.well-known/jwks.json node service.mjs`.

import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const keys = createRemoteJWKSet(new URL(process.env.JWKS_URL))
const expected = {
  typ: 'at+jwt',
  algorithms: ['EdDSA', 'ES256', 'RS256'],
  issuer: 'https://auth.example.com',
  audience: 'https://api.example.com',
  requiredClaims: ['sub', 'sid', 'auth_time', 'iat', 'exp'],
}

const server = createServer(async (request, response) => {
  const [, token] = request.headers.authorization?.match(/^Bearer +(\S+)$/i) ?? []
  try {
    const { payload } = await jwtVerify(token, keys, expected)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(payload))
  } catch {
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
  }
})
server.listen(process.env.PORT ?? 4003, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
