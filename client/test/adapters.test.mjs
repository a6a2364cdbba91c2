// Each adapter with the real library, as a user of the package imports it.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ApolloClient, InMemoryCache, gql } from '@apollo/client/core'
import { sessionLink } from '@stateless-session/client/apollo'
import { sessionAxios } from '@stateless-session/client/axios'
import { sessionClient } from '@stateless-session/client/urql'
import { fetchExchange, gql as urqlGql } from '@urql/core'
import { build } from 'esbuild'
import { Browser, ORIGIN, challenge, problem } from './browser.mjs'

const LIFE = 900_000

const folder = mkdtempSync(join(tmpdir(), 'session-adapters-'))
after(() => rmSync(folder, { recursive: true }))

/** The same file with Apollo Client 3, which only a bundler can load. */
async function apollo3() {
  const outfile = join(folder, 'apollo-3.mjs')
  await build({
    stdin: {
      contents: `
        export { sessionLink } from '@stateless-session/client/apollo'
        export { ApolloClient, InMemoryCache, gql } from '@apollo/client/core'`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    alias: { '@apollo/client': 'apollo-client-3' },
    bundle: true,
    format: 'esm',
    outfile,
  })
  return import(pathToFileURL(outfile))
}

const apollo = ({ ApolloClient, InMemoryCache, gql, sessionLink }) => {
  const queries = Array.from({ length: 20 }, (_, n) => gql(`query Q${n} { me }`))
  return (session, origin) => {
    const link = sessionLink(session, { uri: `${origin}/graphql` })
    const client = new ApolloClient({ cache: new InMemoryCache(), link })
    return async n => {
      const { data } = await client.query({ query: queries[n], fetchPolicy: 'no-cache' })
      return data.me
    }
  }
}
// Apollo Client 3 wraps what went wrong, 4 does not.
const apolloCause = error => error.networkError ?? error
const apolloStatus = error => apolloCause(error).statusCode

const clients = {
  'Apollo Client 4': {
    start: apollo({ ApolloClient, InMemoryCache, gql, sessionLink }),
    status: apolloStatus,
    cause: apolloCause,
  },
  'Apollo Client 3': { start: apollo(await apollo3()), status: apolloStatus, cause: apolloCause },
  urql: {
    start(session, origin) {
      const client = sessionClient(session, { url: `${origin}/graphql`, exchanges: [fetchExchange] })
      return async n => {
        const { data, error } = await client.query(urqlGql(`query Q${n} { me }`), {}).toPromise()
        if (error) throw error
        return data.me
      }
    },
    status: error => error.response.status,
    cause: error => error.networkError,
  },
  axios: {
    start(session, origin) {
      const client = sessionAxios(session, { baseURL: origin })
      return async n => {
        const { data } = await client.post(`/api/${n}`, { n })
        assert.deepEqual(JSON.parse(data.body), { n })
        return data.sub
      }
    },
    status: error => error.response.status,
    cause: error => error.cause,
  },
}

/** Lets the browser's time pass until a promise has settled. */
async function during(browser, promise) {
  let isSettled = false
  const settled = promise.finally(() => (isSettled = true))
  settled.catch(() => {})
  for (let steps = 0; !isSettled; steps++) {
    if (steps > 20_000) throw new Error('still pending')
    await browser.pass(1)
  }
  return settled
}

async function signedIn(start, origin = ORIGIN) {
  const browser = new Browser()
  const tab = await browser.open()
  await during(browser, tab.login('ann'))
  const call = start(tab.session, origin)
  const calls = () => tab.requests.filter(({ path }) => path === '/graphql' || path.startsWith('/api'))
  return { browser, tab, calls, call, all: () => Promise.all(Array.from({ length: 20 }, (_, n) => call(n))) }
}

for (const [name, { start, status, cause }] of Object.entries(clients)) {
  describe(name, () => {
    it('sends the token', async () => {
      const { browser, tab, call, calls } = await signedIn(start)
      const token = await during(browser, tab.session.token())
      assert.equal(await during(browser, call(0)), 'ann')
      assert.deepEqual(calls().map(({ authorization }) => authorization), [`Bearer ${token}`])
    })

    it('makes one refresh for twenty calls across an expiry', async () => {
      const { browser, tab, all, calls } = await signedIn(start)
      tab.hide()
      await browser.pass(LIFE)
      assert.deepEqual(await during(browser, all()), Array(20).fill('ann'))
      assert.equal(tab.refreshes, 1)
      assert.equal(calls().length, 20)
    })

    it('makes one refresh and one repeat each when twenty calls are refused', async () => {
      const { browser, tab, all, calls } = await signedIn(start)
      browser.server.revoked.add(await during(browser, tab.session.token()))
      assert.deepEqual(await during(browser, all()), Array(20).fill('ann'))
      assert.equal(tab.refreshes, 1)
      assert.equal(calls().length, 40)
    })

    it('repeats once only', async () => {
      const { browser, tab, call, calls } = await signedIn(start)
      browser.server.script = ({ path }) =>
        path.startsWith('/auth') ? undefined : challenge('invalid_token', 'Bearer error="invalid_token"')
      await assert.rejects(during(browser, call(0)), error => status(error) === 401)
      assert.equal(tab.refreshes, 1)
      assert.equal(calls().length, 2)
    })

    it("passes the application's own 401 on", async () => {
      const { browser, tab, call, calls } = await signedIn(start)
      browser.server.script = () => problem(401, 'wrong_pin')
      await assert.rejects(during(browser, call(0)), error => status(error) === 401)
      assert.equal(tab.refreshes, 0)
      assert.equal(calls().length, 1)
      assert.equal(tab.session.state, 'in')
    })

    it('tells an outage by the code of the cause', async () => {
      const { browser, tab, call, calls } = await signedIn(start)
      tab.hide()
      await browser.pass(LIFE)
      browser.server.script = () => problem(503, 'temporarily_unavailable')
      await assert.rejects(during(browser, call(0)), error => cause(error).code === 'offline')
      assert.equal(calls().length, 0)
    })

    it('sends no token to another origin', async () => {
      const { browser, tab, call, calls } = await signedIn(start, 'https://elsewhere.example')
      await assert.rejects(during(browser, call(0)), error => status(error) === 401)
      assert.deepEqual(calls().map(({ authorization }) => authorization), [null])
      assert.equal(tab.refreshes, 0)
    })
  })
}
