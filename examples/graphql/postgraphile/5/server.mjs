// PostGraphile 5 in front of the schema of ../../migrations, with the tokens of the Rust program.
// Needs DATABASE_URL and ACCESS_TOKEN_SECRET as the program has them; PORT, or a free one; and Node 22.

import http from 'node:http'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PgLazyJWTPreset } from 'postgraphile/presets/lazy-jwt'
import { makeV4Preset } from 'postgraphile/presets/v4'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'

const { DATABASE_URL, ACCESS_TOKEN_SECRET, PORT = '0' } = process.env

const preset = {
  extends: [PostGraphileAmberPreset, makeV4Preset(), PgLazyJWTPreset],
  pgServices: [
    makePgService({
      // The role that every request starts from, as in the Rust program.
      connectionString: DATABASE_URL,
      poolConfig: { options: '-c role=app_authenticator' },
      schemas: ['app_public'],
    }),
  ],
  grafserv: {
    graphqlPath: '/graphql',
    pgJwtSecret: ACCESS_TOKEN_SECRET, // the audience `postgraphile` is its default
    pgJwtVerifyOptions: { algorithms: ['HS256'], issuer: 'todos' },
  },
  grafast: {
    // Without a token; the preset replaces the role where there is one.
    context: () => ({ pgSettings: { role: 'app_anonymous' } }),
  },
}

const server = http.createServer()
await postgraphile(preset).createServ(grafserv).addTo(server)
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/graphql`))
