// PostGraphile 4 in front of the schema of ../../migrations, with the tokens of the Rust program.
// Needs DATABASE_URL and ACCESS_TOKEN_SECRET as the program has them; PORT, or a free one.

import http from 'node:http'
import { postgraphile } from 'postgraphile'

const { DATABASE_URL, ACCESS_TOKEN_SECRET, PORT = '0' } = process.env

const handler = postgraphile(
  // The role that every request starts from, as in the Rust program.
  { connectionString: DATABASE_URL, options: '-c role=app_authenticator' },
  'app_public',
  {
    jwtSecret: ACCESS_TOKEN_SECRET, // the audience `postgraphile` is its default
    jwtVerifyOptions: { algorithms: ['HS256'], issuer: 'todos' },
    pgDefaultRole: 'app_anonymous',
    ignoreRBAC: false,
    disableQueryLog: true,
  },
)

const server = http.createServer(handler)
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/graphql`))
