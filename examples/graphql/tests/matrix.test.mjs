// One database, four servers in front of it: the Rust program, PostGraphile 4 and 5, and Apollo Server. The program alone logs
// people in; every server gets the same documents with the same tokens.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import { OTHERS, decode, encode, endAll, makeAdmin, resign, startDatabase, startOther, startProgram } from './programs.mjs'

const PASSWORD = 'correct horse'
const servers = Object.fromEntries(['the program', ...Object.keys(OTHERS)].map(name => [name, {}]))
const people = {}
let origin

async function graphql(url, query, token) {
  const headers = { 'content-type': 'application/json' }
  if (token) headers.authorization = `Bearer ${token}`
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) })
  const body = await response.text()
  const json = body.startsWith('{') ? JSON.parse(body) : {}
  const { status, headers: answered } = response
  return { status, cookies: answered.getSetCookie(), challenge: answered.get('www-authenticate'), body, ...json }
}

/** The answer of the program, which holds no error. */
async function ask(query, token) {
  const answer = await graphql(`${origin}/graphql`, query, token)
  assert.equal(answer.errors, undefined, answer.body)
  return answer
}

async function login(field, name, password = PASSWORD) {
  const { data, cookies } = await ask(`mutation { ${field}(input: { name: "${name}", password: "${password}" }) { accessToken } }`)
  const cookie = cookies.map(line => line.split(';')[0]).join('; ')
  const issued = data[field].accessToken
  return {
    name,
    /** Dated anew near its end, because the last server's turn may come more than a minute later. */
    get token() {
      const now = Math.floor(Date.now() / 1000)
      return decode(issued.split('.')[1]).exp > now + 20 ? issued : resign(issued, { iat: now, exp: now + 60 })
    },
    cookie,
    refreshToken: cookie.match(/refresh-[^=]*=([^;]*)/)[1],
  }
}

async function refresh(person) {
  const response = await fetch(`${origin}/auth/refresh`, { method: 'POST', headers: { cookie: person.cookie } })
  return [response.status, (await response.json()).code]
}

before(async () => {
  await startDatabase()
  origin = (await startProgram()).url
  servers['the program'].url = `${origin}/graphql`
  for (const name of Object.keys(OTHERS)) servers[name].url = (await startOther(name)).url
  for (const name of ['owner', 'other', 'disabled', 'changed']) people[name] = await login('register', name)
  await login('register', 'admin')
  makeAdmin('admin')
  people.admin = await login('login', 'admin')
  for (const name of ['owner', 'other', 'disabled', 'changed']) {
    await ask(`mutation { createTodo(input: { todo: { title: "of ${name}" } }) { todo { id } } }`, people[name].token)
  }
  const id = decode(people.disabled.token.split('.')[1]).sub
  await ask(`mutation { setDisabled(input: { personId: ${id}, disabled: true }) }`, people.admin.token)
  const change = `mutation { changePassword(input: { oldPassword: "${PASSWORD}", newPassword: "battery staple" }) { accessToken } }`
  await ask(change, people.changed.token)
})

after(endAll)

const ALL = '{ allTodos { nodes { title } } currentPerson { name } }'
const titles = answer => answer.data.allTodos.nodes.map(todo => todo.title).sort()

test('who is disabled or changed the password gets no other token', async () => {
  assert.deepEqual(await refresh(people.owner), [200, undefined])
  assert.deepEqual(await refresh(people.disabled), [401, 'session_ended'])
  assert.deepEqual(await refresh(people.changed), [401, 'session_ended'])
})

test('graphql-ws takes a subscription over the end of its token', async () => {
  const { createClient } = createRequire(new URL('../web/', import.meta.url))('graphql-ws')
  const now = Math.floor(Date.now() / 1000)
  const { token } = people.owner
  const tokens = [resign(token, { iat: now - 58, exp: now + 2 }), token] // the first has two seconds left
  const closed = []
  const client = createClient({
    url: `${origin.replace('http', 'ws')}/graphql/subscriptions`,
    connectionParams: () => ({ access_token: tokens.shift() }),
    on: { closed: event => closed.push([event.code, event.reason]) },
  })
  const seen = []
  for await (const { data } of client.iterate({ query: 'subscription { myTodos { nodes { title } } }' })) {
    seen.push(data.myTodos.nodes.map(todo => todo.title))
    if (closed.length) break // after the first connection's end, without the page noticing
  }
  await client.dispose()
  assert.deepEqual(closed[0], [4403, 'invalid_token'])
  assert.deepEqual(seen, [['of owner'], ['of owner']])
})

test('Apollo Server weighs a document before it runs, and tells nothing of the database', async () => {
  const send = query => graphql(servers['Apollo Server'].url, query, people.owner.token)
  const aliases = (count, field) => `{ ${Array.from({ length: count }, (_, n) => `a${n}: ${field}`).join(' ')} }`
  const code = ({ errors }) => errors[0].extensions.code
  assert.equal(Object.keys((await send(aliases(20, 'allTodos { nodes { id } }'))).data).length, 20)
  assert.equal(code(await send(aliases(21, 'allTodos { nodes { id } }'))), 'GRAPHQL_VALIDATION_FAILED')
  assert.equal(code(await send(aliases(1000, '__typename'))), 'GRAPHQL_PARSE_FAILED')
  const long = await send(aliases(10_000, '__typename'))
  assert.deepEqual([long.status, JSON.parse(long.body).code], [413, 'body_too_large'])
  for (const title of ['', 'x'.repeat(201), '\\u0000']) {
    const answer = await send(`mutation { createTodo(input: { todo: { title: "${title}" } }) { todo { id } } }`)
    assert.equal(code(answer), 'invalid_input')
    assert.doesNotMatch(answer.body, /todos_title_check|app_public|stacktrace/)
  }
})

for (const [name, server] of Object.entries(servers)) {
  describe(name, () => {
    const send = (query, token) => graphql(server.url, query, token)

    for (const [who, sees, is] of [
      [undefined, [], null],
      ['owner', ['of owner'], 'owner'],
      ['other', ['of other'], 'other'],
      ['admin', ['of changed', 'of disabled', 'of other', 'of owner'], 'admin'],
      // Until the access token ends, a minute at most.
      ['disabled', ['of disabled'], 'disabled'],
      ['changed', ['of changed'], 'changed'],
    ]) {
      test(`${who ?? 'nobody'} sees ${sees.length ? sees.join(', ') : 'nothing'}`, async () => {
        const answer = await send(ALL, people[who]?.token)
        assert.equal(answer.status, 200)
        assert.deepEqual(titles(answer), sees)
        assert.equal(answer.data.currentPerson?.name ?? null, is)
      })
    }

    for (const who of [undefined, 'other', 'admin', 'disabled', 'changed']) {
      test(`${who ?? 'nobody'} changes nothing of the owner's`, async () => {
        const { data } = await ask('{ myTodos { nodes { id title done ownerId } } }', people.owner.token)
        const [todo] = data.myTodos.nodes
        for (const mutation of [
          `updateTodoById(input: { id: ${todo.id}, todoPatch: { title: "taken" } }) { todo { id } }`,
          `updateTodoById(input: { id: ${todo.id}, todoPatch: { done: true } }) { todo { id } }`,
          `deleteTodoById(input: { id: ${todo.id} }) { todo { id } }`,
          ...(name.startsWith('PostGraphile')
            ? [
                `updateTodoById(input: { id: ${todo.id}, todoPatch: { ownerId: 1 } }) { todo { id } }`,
                `createTodo(input: { todo: { title: "planted", ownerId: ${todo.ownerId} } }) { todo { id } }`,
              ]
            : []),
        ]) {
          const answer = await send(`mutation { ${mutation} }`, people[who]?.token)
          // An error, or for version 5 where there is no such row, none.
          assert.ok(Object.values(answer.data ?? {}).every(payload => !payload?.todo), `${mutation}: ${answer.body}`)
        }
        const afterwards = await ask('{ myTodos { nodes { id title done ownerId } } }', people.owner.token)
        assert.deepEqual(afterwards.data.myTodos.nodes, [todo])
      })
    }

    test('an owner creates, completes and deletes', async () => {
      const { token } = people.owner
      const created = await send('mutation { createTodo(input: { todo: { title: "new" } }) { todo { id done } } }', token)
      const { id, done } = created.data.createTodo.todo
      assert.equal(done, false)
      const patch = `mutation { updateTodoById(input: { id: ${id}, todoPatch: { done: true } }) { todo { title done } } }`
      assert.deepEqual((await send(patch, token)).data.updateTodoById.todo, { title: 'new', done: true })
      const deleted = await send(`mutation { deleteTodoById(input: { id: ${id} }) { todo { id } } }`, token)
      assert.deepEqual(deleted.data.deleteTodoById.todo, { id })
      assert.deepEqual(titles(await send(ALL, token)), ['of owner'])
    })

    test('todos have their owners, where one may see them', async () => {
      const all = '{ allTodos { nodes { title personByOwnerId { name } } } }'
      for (const who of ['owner', 'admin']) {
        const { data } = await send(all, people[who].token)
        assert.ok(data.allTodos.nodes.length)
        for (const { title, personByOwnerId } of data.allTodos.nodes) assert.equal(title, `of ${personByOwnerId.name}`)
      }
    })

    const now = Math.floor(Date.now() / 1000)
    for (const [what, token] of [
      ['a refresh token', () => people.owner.refreshToken],
      ['an expired token', () => resign(people.owner.token, { iat: now - 120, auth_time: now - 120, exp: now - 60 })],
      ['the audience of a refresh token', () => resign(people.owner.token, { aud: 'postgraphile#refresh' })],
      ['another issuer', () => resign(people.owner.token, { iss: 'elsewhere' })],
      ['changed claims', () => {
        const [header, payload, signature] = people.owner.token.split('.')
        return `${header}.${encode({ ...decode(payload), role: 'app_admin' })}.${signature}`
      }],
      ['the claims of somebody else', () => {
        const [header, , signature] = people.owner.token.split('.')
        return `${header}.${people.admin.token.split('.')[1]}.${signature}`
      }],
      ['no signature', () => {
        const [, payload] = people.admin.token.split('.')
        return `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`
      }],
      ['no token at all', () => 'x'],
    ]) {
      test(`${what} is refused`, async () => {
        const answer = await send(ALL, token())
        assert.deepEqual([answer.status, answer.challenge], [401, 'Bearer error="invalid_token"'], answer.body)
        assert.equal(answer.data ?? null, null)
      })
    }

    test('a token that was signed again as it was is taken', async () => {
      // So that the refusals above are for what was changed.
      assert.deepEqual(titles(await send(ALL, resign(people.owner.token, {}))), ['of owner'])
    })
  })
}
