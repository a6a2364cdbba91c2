// Apollo Server in front of the schema of ../migrations, with the tokens of the Rust program: the fields that the page asks
// for. Needs DATABASE_URL and ACCESS_TOKEN_SECRET as the program has them; PORT, or a free one.

import http from 'node:http'
import { ApolloServer, HeaderMap } from '@apollo/server'
import { ApolloServerPluginDrainHttpServer } from '@apollo/server/plugin/drainHttpServer'
import { makeExecutableSchema } from '@graphql-tools/schema'
import DataLoader from 'dataloader'
import { GraphQLError } from 'graphql'
import { jwtVerify } from 'jose'
import pg from 'pg'

const { DATABASE_URL, ACCESS_TOKEN_SECRET, PORT = '0' } = process.env
// The limits of ../src/limits.rs.
const LONGEST_BODY = 64 * 1024
const MOST_TOKENS = 2_000
const MOST_LISTS = 20
const MOST_ROWS = 1_000

// Logged in as the role that becomes the others, and not as the owner with `set role`: a statement can undo that.
const database = new URL(DATABASE_URL)
database.searchParams.set('user', 'app_authenticator')
const pool = new pg.Pool({ connectionString: database.href, max: 10, connectionTimeoutMillis: 3000 })
pool.on('error', () => {}) // an idle connection that ended; the next one is another

const key = new TextEncoder().encode(ACCESS_TOKEN_SECRET) // the text itself, not what it might decode to
const access = { algorithms: ['HS256'], typ: 'at+jwt', issuer: 'todos', audience: 'postgraphile' }

const typeDefs = /* GraphQL */ `
  type Person { id: Int! name: String! }
  type Todo { id: Int! ownerId: Int! title: String! done: Boolean! personByOwnerId: Person }
  type PeopleConnection { nodes: [Person!]! }
  type TodosConnection { nodes: [Todo!]! }
  type Query {
    currentPerson: Person
    myTodos: TodosConnection!
    allTodos: TodosConnection!
    allPeople: PeopleConnection!
  }
  input TodoInput { title: String! }
  input TodoPatch { title: String done: Boolean }
  input CreateTodoInput { todo: TodoInput! }
  input UpdateTodoByIdInput { id: Int! todoPatch: TodoPatch! }
  input DeleteTodoByIdInput { id: Int! }
  type TodoPayload { todo: Todo! }
  type Mutation {
    createTodo(input: CreateTodoInput!): TodoPayload!
    updateTodoById(input: UpdateTodoByIdInput!): TodoPayload!
    deleteTodoById(input: DeleteTodoByIdInput!): TodoPayload!
  }
`

const problem = (code, message) => new GraphQLError(message, { extensions: { code } })

/** What the client is told of an error, and nothing of the database. */
function refusal({ code = '' }) {
  if (code === '42501') return problem('forbidden', 'this session may not do that')
  if (code === '23514' || code === '22021') return problem('invalid_input', 'too long or too short')
  // operator intervention, or no connection
  if (code.startsWith('57P') || !/^[0-9A-Z]{5}$/.test(code)) return problem('temporarily_unavailable', 'repeat in a few seconds')
  return problem('internal_error', 'the server made a mistake')
}

/** One transaction as the user of a token, or as nobody, begun by the first statement; a savepoint for each field. */
class Operation {
  #settings
  #client
  #last = Promise.resolve()

  constructor(claims) {
    const settings = Object.entries(claims ?? {}).map(([name, value]) => [`jwt.claims.${name}`, String(value)])
    this.#settings = [['role', claims?.role ?? 'app_anonymous'], ['statement_timeout', '5s'], ...settings]
  }

  /** Rows. One field after the other, as a connection has one statement at a time. */
  query(text, values) {
    const turn = this.#last.then(() => this.#run(text, values))
    this.#last = turn.catch(() => {})
    return turn
  }

  async #run(text, values) {
    if (!this.#client) await this.#begin()
    await this.#client.query('savepoint field')
    try {
      return (await this.#client.query(text, values)).rows
    } catch (error) {
      await this.#client.query('rollback to savepoint field').catch(() => {})
      throw refusal(error)
    }
  }

  async #begin() {
    const client = await pool.connect().catch(error => Promise.reject(refusal(error)))
    const [names, values] = [0, 1].map(index => this.#settings.map(setting => setting[index]))
    try {
      await client.query('begin')
      await client.query('select set_config(n, v, true) from unnest($1::text[], $2::text[]) s (n, v)', [names, values])
    } catch (error) {
      client.release(true)
      throw refusal(error)
    }
    this.#client = client
  }

  async end() {
    await this.#last
    const client = this.#client
    if (!client) return
    this.#client = undefined
    try {
      await client.query('commit')
      client.release()
    } catch (error) {
      client.release(true) // and with it whoever it was
      throw refusal(error)
    }
  }
}

const TODO = 'id, owner_id as "ownerId", title, done'
const one = ([todo]) => {
  if (!todo) throw problem('not_found', 'there is no such row for you')
  return { todo }
}
const requiresSession = ({ claims }) => {
  if (!claims) throw problem('missing_token', 'send the access token as `Authorization: Bearer`')
}
const todos = async rows => ({ nodes: await rows })

const resolvers = {
  Todo: { personByOwnerId: ({ ownerId }, _, { people }) => people.load(ownerId) },
  Query: {
    currentPerson: async (_, __, { operation }) =>
      (await operation.query('select * from app_public.current_person() where id is not null'))[0],
    async myTodos(_, __, context) {
      requiresSession(context)
      return todos(context.operation.query(`select ${TODO} from app_public.my_todos() limit ${MOST_ROWS}`))
    },
    // Everyone's for administrators, and one's own for others: here is no filter but the policies of the database.
    allTodos: (_, __, { operation }) => todos(operation.query(`select ${TODO} from app_public.todos order by id limit ${MOST_ROWS}`)),
    async allPeople(_, __, context) {
      requiresSession(context)
      if (context.claims.role !== 'app_admin') throw problem('forbidden', 'this session may not do that')
      return todos(context.operation.query(`select id, name from app_public.people order by id limit ${MOST_ROWS}`))
    },
  },
  Mutation: {
    async createTodo(_, { input: { todo } }, context) {
      requiresSession(context)
      return one(await context.operation.query(`insert into app_public.todos (title) values ($1) returning ${TODO}`, [todo.title]))
    },
    async updateTodoById(_, { input: { id, todoPatch } }, context) {
      requiresSession(context)
      const update = `update app_public.todos set title = coalesce($2, title), done = coalesce($3, done) where id = $1 returning ${TODO}`
      return one(await context.operation.query(update, [id, todoPatch.title, todoPatch.done]))
    },
    async deleteTodoById(_, { input: { id } }, context) {
      requiresSession(context)
      return one(await context.operation.query(`delete from app_public.todos where id = $1 returning ${TODO}`, [id]))
    },
  },
}

/** People by the hundred in one statement, of those whom this operation's user may see. */
const peopleOf = operation =>
  new DataLoader(async ids => {
    const rows = await operation.query('select id, name from app_public.people where id = any($1)', [ids])
    const byId = new Map(rows.map(person => [person.id, person]))
    return ids.map(id => byId.get(id) ?? null)
  })

/** A rule of validation: a document reads so many lists. */
function fewLists(context) {
  let lists = 0
  return {
    Field({ name }) {
      if (/^(my|all)[A-Z]/.test(name.value) && ++lists === MOST_LISTS + 1) {
        context.reportError(new GraphQLError('the document asks for too many lists'))
      }
    },
  }
}

const server = http.createServer()

const apollo = new ApolloServer({
  schema: makeExecutableSchema({ typeDefs, resolvers }),
  introspection: true,
  parseOptions: { maxTokens: MOST_TOKENS },
  validationRules: [fewLists],
  includeStacktraceInErrorResponses: false,
  stopOnTerminationSignals: true,
  plugins: [
    ApolloServerPluginDrainHttpServer({ httpServer: server }),
    {
      // Before the answer is sent, so that nothing is said to be done that is not.
      requestDidStart: async () => ({
        async willSendResponse({ contextValue, response }) {
          await contextValue.operation?.end().catch(error => {
            response.body = { kind: 'single', singleResult: { errors: [error.toJSON()] } }
          })
        },
      }),
    },
  ],
})
await apollo.start()

/** Who sends it. A token that does not verify is an HTTP answer (RFC 6750), upon which clients refresh and repeat. */
async function claimsOf(request) {
  const [, token] = /^bearer (.*)$/i.exec(request.headers.authorization ?? '') ?? []
  return token === undefined ? undefined : (await jwtVerify(token, key, access)).payload
}

async function bodyOf(request) {
  const tooLong = Object.assign(new Error('the body is too long'), { status: 413, code: 'body_too_large' })
  if (request.headers['content-length'] > LONGEST_BODY) throw tooLong
  const parts = []
  let length = 0
  for await (const part of request) {
    length += part.length
    if (length > LONGEST_BODY) throw tooLong // and the connection ends, as nobody said how long it is
    parts.push(part)
  }
  try {
    return JSON.parse(Buffer.concat(parts))
  } catch {
    throw Object.assign(new Error('the body is no JSON'), { status: 400, code: 'invalid_body' })
  }
}

server.on('request', async (request, response) => {
  const refuse = (status, code, detail, headers = {}) =>
    response
      .writeHead(status, { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store', ...headers })
      .end(JSON.stringify({ status, code, detail }))
  try {
    if (new URL(request.url, 'http://localhost').pathname !== '/graphql') return refuse(404, 'not_found', 'there is /graphql')
    const claims = await claimsOf(request).catch(() => null)
    if (claims === null) {
      const challenge = { 'WWW-Authenticate': 'Bearer error="invalid_token"' }
      return refuse(401, 'invalid_token', 'the access token does not count; refresh and repeat', challenge)
    }
    if (request.method !== 'POST') return refuse(405, 'method_not_allowed', 'this takes POST', { Allow: 'POST' })
    const headers = new HeaderMap()
    for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value))
    const { status = 200, headers: answered, body } = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method: 'POST', headers, search: '', body: await bodyOf(request) },
      context: async () => {
        const operation = new Operation(claims)
        return { claims, operation, people: peopleOf(operation) }
      },
    })
    response.writeHead(status, Object.fromEntries(answered))
    response.end(body.string)
  } catch (error) {
    refuse(error.status ?? 500, error.code ?? 'internal_error', error.status ? error.message : 'the server made a mistake')
  }
})

server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/graphql`))
