// The page in a real browser, with todos from the Rust program, from PostGraphile 4 and 5, and from Apollo Server.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, describe, test } from 'node:test'
import { startBrowser, until, visitor } from '../../../tests/browser/helpers.mjs'
import * as programs from '../tests/programs.mjs'

const PASSWORD = 'correct horse'
const SERVERS = ['the program', ...Object.keys(programs.OTHERS)]
/** What is the session's alone is tried with the program and, by turns, with one of the others; ALL_SERVERS=1 takes all. */
const turn = SERVERS[1 + (new Date().getDate() % (SERVERS.length - 1))]
const byTurns = server => ({ skip: process.env.ALL_SERVERS || ['the program', turn].includes(server) ? false : `it is the turn of ${turn}` })
const TWENTY = Array.from({ length: 20 }, (_, n) => `todo ${n + 1}`)
const urls = {}
let browser, database

before(async () => {
  database = await programs.startDatabase()
  urls['the program'] = undefined
  // Migrates, before the others look at the schema.
  await (await programs.startProgram()).end()
  for (const name of Object.keys(programs.OTHERS)) urls[name] = (await programs.startOther(name)).url
  browser = await startBrowser()
})

after(async () => {
  await browser?.close()
  await programs.endAll()
})

/** The Rust program with todos from `server`. */
function start(server, variables = {}) {
  return programs.startProgram(urls[server] ? { ...variables, TODOS_URL: urls[server] } : variables)
}

let people = 0
const somebody = () => `person ${++people}`

const button = (page, name) => page.getByRole('button', { name, exact: true })
const checkbox = (page, name) => page.getByRole('checkbox', { name, exact: true })
const is = (page, state) => page.locator('header').getByText(state, { exact: true }).waitFor()
const says = (page, text) => page.getByRole('alert').filter({ hasText: text }).waitFor()
const titles = page => page.getByRole('list', { name: 'Todos' }).locator('label').allInnerTexts()
const shows = (page, wanted) =>
  until(async () => (await titles(page)).join() === wanted.join(), `the page to show ${wanted.join(', ') || 'no todo'}`)

async function open(context, origin) {
  const page = await context.newPage()
  await page.goto(origin)
  return page
}

async function submit(page, name, password, what) {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await button(page, what).click()
}

async function login(page, name, password = PASSWORD) {
  await submit(page, name, password, 'Log in')
  await page.getByRole('heading', { name }).waitFor()
}

/** Somebody new. */
async function register(page) {
  const name = somebody()
  await button(page, 'I am new here').click()
  await submit(page, name, PASSWORD, 'Register')
  await page.getByRole('heading', { name }).waitFor()
  return name
}

async function add(page, title) {
  await page.getByLabel('New todo').fill(title)
  await button(page, 'Add').click()
  await checkbox(page, title).waitFor()
}

/** Ticks it off; whether the server did so as well. */
async function complete(page, title) {
  const isAnswer = async response => /updateTodoById|"errors"/.test(await response.text())
  const answered = page.waitForResponse(response => response.url().endsWith('/graphql/todos') && isAnswer(response))
  await page.getByRole('checkbox', { name: title, exact: true, checked: false }).click()
  const { data } = await (await answered).json()
  return data?.updateTodoById?.todo?.done === true
}

/** Answers of the server at `path`, as they come. */
function answers(page, path) {
  const statuses = []
  page.on('response', response => new URL(response.url()).pathname === path && statuses.push(response.status()))
  return statuses
}

/** Lets the page's clocks run ahead of the server's, once the server would sign another token than before. */
async function later(page, milliseconds) {
  const second = Math.floor(Date.now() / 1000)
  await until(() => Math.floor(Date.now() / 1000) > second, 'another second')
  await page.clock.fastForward(milliseconds)
}

/** The same token, but over. */
function expired(token) {
  const { iat, exp } = programs.decode(token.split('.')[1])
  return programs.resign(token, { iat: iat - 120, exp: exp - 120 })
}

/** Somebody with twenty todos, and all checkboxes at once. */
async function twenty(t, origin) {
  const context = await visitor(t, browser)
  await context.clock.install()
  const page = await open(context, origin)
  const name = await register(page)
  const owner = `(select id from app_public.people where name = '${name}')`
  programs.sql(`insert into app_public.todos (owner_id, title) select ${owner}, 'todo ' || n from generate_series(1, 20) n`)
  await page.reload()
  await page.getByRole('heading', { name }).waitFor()
  await shows(page, TWENTY)
  const refreshes = answers(page, '/auth/refresh')
  const todos = answers(page, '/graphql/todos')
  const completeAll = () => page.evaluate(() => document.querySelectorAll('[type=checkbox]').forEach(box => box.click()))
  const done = () => programs.sql(`select count(*) from app_public.todos where done and owner_id = ${owner}`)
  return { page, refreshes, todos, completeAll, done }
}

const count = (statuses, wanted) => statuses.filter(status => status === wanted).length

for (const server of SERVERS) {
  describe(`with todos from ${server}`, () => {
    let origin
    before(async () => {
      origin = (await start(server)).url
    })

    test('somebody registers, keeps a list, leaves and comes back', async t => {
      const context = await visitor(t, browser)
      const errors = []
      context.on('console', message => message.type() === 'error' && errors.push(message.text()))
      const page = await open(context, origin)
      await is(page, 'Signed out')
      const name = await register(page)
      await is(page, 'Signed in')
      await shows(page, [])
      await add(page, 'milk')
      await add(page, 'bread')
      assert.equal(await complete(page, 'milk'), true)
      await page.reload()
      await shows(page, ['milk', 'bread'])
      assert.equal(await checkbox(page, 'milk').isChecked(), true)
      assert.equal(await checkbox(page, 'bread').isChecked(), false)
      await button(page, 'Delete bread').click()
      await shows(page, ['milk'])
      await button(page, 'Everyone’s').click()
      await page.getByText('To you, it shows yours').waitFor()
      await shows(page, ['milk'])
      assert.deepEqual(errors, []) // such as what the content security policy refuses
      await button(page, 'Log out').click()
      await is(page, 'Signed out')
      await submit(page, name, 'something else', 'Log in')
      await says(page, 'Wrong name or password.')
      await login(page, name)
      await shows(page, ['milk'])
    })

    test('an administrator sees everyone’s and changes nobody’s', async t => {
      const page = await open(await visitor(t, browser), origin)
      const owner = await register(page)
      await add(page, `of ${owner}`)
      await button(page, 'Log out').click()
      const name = await register(page)
      programs.makeAdmin(name)
      await button(page, 'Log out').click()
      await login(page, name)
      await add(page, `of ${name}`)
      await button(page, 'Everyone’s').click()
      const row = page.getByRole('listitem').filter({ hasText: `of ${owner}` })
      await row.getByText(owner, { exact: true }).waitFor()
      assert.equal(await row.getByRole('checkbox').isDisabled(), true)
      assert.equal(await row.getByRole('button').count(), 0)
      assert.equal(await checkbox(page, `of ${name}`).isEnabled(), true)
      await button(page, 'Mine').click()
      await shows(page, [`of ${name}`])
    })

    test('twenty parallel calls wait for one refresh', async t => {
      const { page, refreshes, todos, completeAll, done } = await twenty(t, origin)
      let release
      const held = new Promise(resolve => (release = resolve))
      const asked = page.waitForRequest('**/auth/refresh')
      await page.route('**/auth/refresh', route => held.then(() => route.continue()))
      await later(page, 61_000)
      await asked
      await completeAll()
      assert.deepEqual([refreshes, todos], [[], []])
      release()
      await until(() => done() === '20', 'twenty done')
      await until(() => todos.length === 20, 'twenty answers')
      assert.deepEqual([refreshes, count(todos, 200)], [[200], 20])
    })

    test('twenty parallel calls with a token that is over make one refresh, and all succeed', async t => {
      const { page, refreshes, todos, completeAll, done } = await twenty(t, origin)
      const planted = route =>
        route.fetch().then(async response => {
          const json = await response.json()
          return route.fulfill({ response, json: { ...json, access_token: expired(json.access_token) } })
        })
      await page.route('**/auth/refresh', planted, { times: 1 })
      // The page has it when it tells its siblings, which is later than the end of the answer.
      const taken = page.evaluate(
        () =>
          new Promise(resolve => {
            const siblings = new BroadcastChannel(new URL('/auth/', location.href).href)
            siblings.onmessage = ({ data }) => data.access_token && resolve()
          }),
      )
      await later(page, 50_000)
      await taken
      await completeAll()
      await until(() => done() === '20', 'twenty done')
      await until(() => count(todos, 200) === 20, 'twenty answers')
      assert.equal(count(todos, 401) + count(todos, 200), todos.length)
      assert.ok(count(todos, 401) > 0)
      assert.deepEqual(refreshes, [200, 200]) // the one that planted it, and the one that mends it
      assert.equal(await page.locator(':checked').count(), 20)
      await is(page, 'Signed in')
    })

    test('five tabs are one session', byTurns(server), async t => {
      const context = await visitor(t, browser)
      const tabs = []
      for (let n = 0; n < 5; n++) tabs.push(await open(context, origin))
      const name = await register(tabs[0])
      for (const tab of tabs) await tab.getByRole('heading', { name }).waitFor()
      await add(tabs[1], 'milk')
      for (const tab of tabs) {
        await tab.reload()
        await shows(tab, ['milk'])
      }
      await button(tabs[2], 'Log out').click()
      for (const tab of tabs) await is(tab, 'Signed out')
      for (const tab of tabs) assert.equal(await tab.getByText('milk').count(), 0)
    })

    test('a tab shows another user’s login, and nothing of the user before', byTurns(server), async t => {
      const context = await visitor(t, browser)
      const [one, two] = [await open(context, origin), await open(context, origin)]
      await register(one)
      await add(one, 'a secret of the first')
      await two.reload()
      await shows(two, ['a secret of the first'])
      await button(two, 'Log out').click()
      const name = await register(two)
      await add(two, 'of the second')
      await one.getByRole('heading', { name }).waitFor()
      assert.equal(await one.getByText('a secret of the first').count(), 0)
      await one.reload()
      await shows(one, ['of the second'])
    })

    test('logout everywhere ends the other browser’s session at its next refresh', byTurns(server), async t => {
      const here = await visitor(t, browser)
      const there = await visitor(t, browser)
      await there.clock.install()
      const page = await open(here, origin)
      const name = await register(page)
      const other = await open(there, origin)
      await login(other, name)
      await button(page, 'Log out everywhere').click()
      await is(page, 'Signed out')
      await is(other, 'Signed in')
      await later(other, 61_000)
      await is(other, 'Signed out')
    })

    test('a new password ends the other browser’s session, and not this one', byTurns(server), async t => {
      const here = await visitor(t, browser)
      const there = await visitor(t, browser)
      for (const context of [here, there]) await context.clock.install()
      const page = await open(here, origin)
      const name = await register(page)
      const other = await open(there, origin)
      await login(other, name)
      await page.getByText('Change the password').click()
      await page.getByLabel('Old password').fill('something else')
      await page.getByLabel('New password').fill('battery staple')
      await button(page, 'Change it').click()
      await says(page, 'Wrong name or password.')
      await page.getByLabel('Old password').fill(PASSWORD)
      await page.getByLabel('New password').fill('battery staple')
      await button(page, 'Change it').click()
      await page.getByText('The password is changed').waitFor()
      await later(other, 61_000)
      await is(other, 'Signed out')
      await submit(other, name, PASSWORD, 'Log in')
      await says(other, 'Wrong name or password.')
      await login(other, name, 'battery staple')
      const refreshed = page.waitForResponse('**/auth/refresh')
      await later(page, 61_000)
      assert.equal((await refreshed).status(), 200)
      await add(page, 'goes on')
    })

    test('a database that stops logs nobody out', async t => {
      const context = await visitor(t, browser)
      await context.clock.install()
      const page = await open(context, origin)
      await register(page)
      await add(page, 'milk')
      const refreshes = answers(page, '/auth/refresh')
      await database.order('stop')
      try {
        assert.equal(await complete(page, 'milk'), false)
        await page.getByRole('alert').filter({ hasText: /./ }).waitFor()
        await later(page, 61_000)
        await is(page, 'Offline')
        await shows(page, ['milk'])
        assert.deepEqual([...new Set(refreshes)], [503])
      } finally {
        await database.order('start')
      }
      // Longer than the pause between two tries ever is.
      await later(page, 61_000)
      await is(page, 'Signed in')
      await until(() => complete(page, 'milk'), 'the database to answer')
      await page.reload()
      await shows(page, ['milk'])
      assert.equal(await checkbox(page, 'milk').isChecked(), true)
    })
  })
}

/** Of a document with a field that is not there. */
const CODES = { 'the program': 'invalid_document', 'Apollo Server': 'GRAPHQL_VALIDATION_FAILED' }

test('an administrator disables somebody after typing the password once more, and that ends the sessions', async t => {
  const { url } = await start('the program')
  const [here, there] = [await visitor(t, browser), await visitor(t, browser)]
  await there.clock.install()
  const user = await open(there, url)
  const victim = await register(user)
  await here.clock.install()
  const page = await open(here, url)
  const name = await register(page)
  programs.makeAdmin(name)
  await button(page, 'Log out').click()
  await login(page, name)
  const people = page.getByRole('list', { name: 'People' })
  assert.equal(await people.getByRole('button', { name: `Disable ${name}`, exact: true }).count(), 0)

  // The login was just now, so nothing is asked; this one is taken back.
  await button(page, `Disable ${victim}`).click()
  await button(page, `Enable ${victim}`).click()
  await button(page, `Disable ${victim}`).waitFor()
  await later(user, 61_000)
  await is(user, 'Signed out') // what has ended stays so
  await login(user, victim)

  // A login of long ago: the page asks for the password, and goes on.
  const aged = ({ auth_time }) => ({ auth_time: auth_time - 600 })
  const change = (token, claims) => programs.resign(token, claims(programs.decode(token.split('.')[1])))
  const planted = async route => {
    const response = await route.fetch()
    const json = await response.json()
    await route.fulfill({ response, json: { ...json, access_token: change(json.access_token, aged) } })
  }
  await page.route('**/auth/refresh', planted, { times: 1 })
  await page.reload()
  const statuses = answers(page, '/graphql')
  await button(page, `Disable ${victim}`).click()
  const again = page.getByLabel('Your password, once more')
  await again.fill('something else')
  await is(page, 'This needs a more recent login')
  await button(page, 'Go on').click()
  await says(page, 'Wrong name or password.')
  await again.fill(PASSWORD)
  await button(page, 'Go on').click()
  await button(page, `Enable ${victim}`).waitFor()
  await is(page, 'Signed in')
  assert.equal(await again.count(), 0)
  assert.equal(count(statuses, 401), 1)
  await later(user, 61_000)
  await is(user, 'Signed out')
  await submit(user, victim, PASSWORD, 'Log in')
  await says(user, 'Wrong name or password.')

  // Claims of a while ago: the page refreshes and repeats, and nobody notices.
  const refreshes = answers(page, '/auth/refresh')
  const stale = async (route, request) => {
    const token = change(request.headers().authorization.slice('Bearer '.length), ({ iat }) => ({ iat: iat - 40, auth_time: iat - 40 }))
    await route.continue({ headers: { ...request.headers(), authorization: `Bearer ${token}` } })
  }
  statuses.length = 0
  await later(page, 0) // so that a refresh gives another token
  await page.route('**/graphql', stale, { times: 1 })
  await button(page, `Enable ${victim}`).click()
  await button(page, `Disable ${victim}`).waitFor()
  assert.deepEqual([statuses.slice(0, 2), refreshes], [[401, 200], [200]])
  await login(user, victim)
})

test('GraphiQL signs in, from this origin’s own files', async t => {
  const { url } = await start('the program')
  const context = await visitor(t, browser)
  const [errors, origins] = [[], new Set()]
  context.on('console', message => message.type() === 'error' && errors.push(message.text()))
  context.on('request', request => origins.add(new URL(request.url()).origin))
  const page = await open(context, `${url}/graphiql`)
  const shown = text => page.locator('.result-window').getByText(text).waitFor()
  const run = () => page.getByRole('button', { name: /Execute query/ }).click()
  // The editors come a little later than their buttons.
  await page.locator('.graphiql-query-editor .CodeMirror-code').getByText('currentPerson').waitFor()
  await page.locator('.result-window .CodeMirror-code').waitFor()
  await run()
  await shown('"currentPerson": null')
  await button(page, 'I am new here').click()
  const name = somebody()
  await submit(page, name, PASSWORD, 'Register')
  await page.getByText('Signed in, as app_user').waitFor()
  await run()
  await shown(`"name": "${name}"`)
  // The page beside it has the same session.
  const beside = await open(context, url)
  await beside.getByRole('heading', { name }).waitFor()
  assert.deepEqual([...origins], [url])
  assert.deepEqual(errors, [])
})

test('one variable moves the browser’s session from server to server', async t => {
  const context = await visitor(t, browser)
  let program = await start('the program')
  const { port } = new URL(program.url)
  const page = await open(context, program.url)
  await register(page)
  const marker = await page.evaluate(() => document.cookie)
  const list = []
  for (const server of [...SERVERS, 'the program']) {
    await program.end()
    program = await start(server, { PORT: port })
    await page.reload()
    await is(page, 'Signed in')
    await shows(page, list)
    list.push(`by ${server}, ${list.length + 1}`)
    await add(page, list.at(-1))
    // What each alone says, so that this is known to be the one.
    const ask = query => context.request.post(`${program.url}/graphql/todos`, { data: { query } }).then(answer => answer.json())
    assert.equal((await ask('{ nodeId }')).data?.nodeId, server.startsWith('PostGraphile') ? 'query' : undefined)
    assert.equal((await ask('{ nothing }')).errors[0].extensions?.code, CODES[server])
  }
  assert.equal(await page.evaluate(() => document.cookie), marker)
})

test('the other server gets the access token and no cookie, and sets none', async () => {
  const seen = []
  const upstream = http.createServer((request, response) => {
    seen.push([request.headers.authorization, request.headers.cookie])
    response.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"', 'Set-Cookie': 'planted=1' }).end()
  })
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  const program = await programs.startProgram({ TODOS_URL: `http://127.0.0.1:${upstream.address().port}/graphql` })
  const headers = { authorization: 'Bearer x', cookie: '__Host-todos=x', 'content-type': 'application/json' }
  const ask = () => fetch(`${program.url}/graphql/todos`, { method: 'POST', headers, body: '{}' })
  const answer = await ask()
  assert.deepEqual([answer.status, answer.headers.get('www-authenticate')], [401, 'Bearer error="invalid_token"'])
  assert.deepEqual(answer.headers.getSetCookie(), [])
  assert.deepEqual(seen, [['Bearer x', undefined]])
  const closed = once(upstream, 'close')
  upstream.close()
  upstream.closeAllConnections()
  await closed
  assert.equal((await ask()).status, 503)
})
