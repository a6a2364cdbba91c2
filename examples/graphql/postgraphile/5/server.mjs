// PostGraphile 5 in front of the schema of ../../migrations, with the tokens of the Rust program.
// Needs DATABASE_URL and ACCESS_TOKEN_SECRET as the program has them; PORT, or a free one; and Node 22.

import http from 'node:http'
import { jwtVerify } from 'jose'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { makeV4Preset } from 'postgraphile/presets/v4'

const { DATABASE_URL, ACCESS_TOKEN_SECRET, PORT = '0' } = process.env

// Logged in as the role that becomes the others, and not as the owner with `set role`: a statement can undo that.
const database = new URL(DATABASE_URL)
database.searchParams.set('user', 'app_authenticator')

const key = new TextEncoder().encode(ACCESS_TOKEN_SECRET) // the text itself, not what it might decode to
const access = { algorithms: ['HS256'], typ: 'at+jwt', issuer: 'todos', audience: 'postgraphile' }
const CHALLENGE = 'Bearer error="invalid_token"' // RFC 6750; clients then refresh and repeat

async function pgSettings({ node }) {
  const [, token] = /^bearer (.*)$/i.exec(node?.req.headers.authorization ?? '') ?? []
  if (token === undefined) return { role: 'app_anonymous' }
  const { payload } = await jwtVerify(token, key, access).catch(error => {
    node.res.setHeader('WWW-Authenticate', CHALLENGE)
    throw Object.assign(error, { statusCode: 401 })
  })
  const claims = Object.entries(payload).map(([name, value]) => [`jwt.claims.${name}`, String(value)])
  return { role: payload.role, ...Object.fromEntries(claims) }
}

const preset = {
  extends: [PostGraphileAmberPreset, makeV4Preset()],
  pgServices: [
    makePgService({
      connectionString: database.href,
      schemas: ['app_public'],
    }),
  ],
  grafserv: { graphqlPath: '/graphql' },
  grafast: { context: async request => ({ pgSettings: await pgSettings(request) }) },
}

const server = http.createServer()
await postgraphile(preset).createServ(grafserv).addTo(server)
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/graphql`))
