// PostGraphile 4 in front of the schema of ../../migrations, with the tokens of the Rust program.
// Needs DATABASE_URL and ACCESS_TOKEN_SECRET as the program has them; PORT, or a free one.

import http from 'node:http'
import { postgraphile } from 'postgraphile'

const { DATABASE_URL, ACCESS_TOKEN_SECRET, PORT = '0' } = process.env

// Logged in as the role that becomes the others, and not as the owner with `set role`: a statement can undo that.
const database = new URL(DATABASE_URL)
database.searchParams.set('user', 'app_authenticator')

const handler = postgraphile({ connectionString: database.href }, 'app_public', {
  jwtSecret: ACCESS_TOKEN_SECRET,
  jwtVerifyOptions: { algorithms: ['HS256'], issuer: 'todos', audience: 'postgraphile' },
  pgDefaultRole: 'app_anonymous',
  ignoreRBAC: false,
  disableQueryLog: true,
})

// Version 4 says 401 to an expired token and 403 to any other that it refuses. RFC 6750 has 401 and a challenge, upon
// which clients refresh and repeat.
class Response extends http.ServerResponse {
  writeHead(status, ...rest) {
    if (status !== 401 && status !== 403) return super.writeHead(status, ...rest)
    this.setHeader('WWW-Authenticate', 'Bearer error="invalid_token"')
    return super.writeHead(401, ...rest)
  }
}

const server = http.createServer({ ServerResponse: Response }, handler)
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/graphql`))
