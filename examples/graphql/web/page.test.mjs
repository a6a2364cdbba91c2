// The page in a real browser, with todos from the Rust program and from PostGraphile 4 and 5.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, describe, test } from 'node:test'
import { startBrowser, until, visitor } from '../../../tests/browser/helpers.mjs'
import * as programs from '../tests/programs.mjs'

const PASSWORD = 'correct horse'
const SERVERS = ['the program', 'PostGraphile 4', 'PostGraphile 5']
const TWENTY = Array.from({ length: 20 }, (_, n) => `todo ${n + 1}`)
const urls = {}
let browser, database

before(async () => {
  database = await programs.startDatabase()
  urls['the program'] = undefined
  // Migrates, before PostGraphile looks at the schema.
  await (await programs.startProgram()).end()
  for (const version of [4, 5]) urls[`PostGraphile ${version}`] = (await programs.startPostGraphile(version)).url
  browser = await startBrowser()
})

after(async () => {
  await browser?.close()
  await programs.endAll()
})

/** The Rust program with todos from `server`. */
function start(server, variables = {}) {
  return programs.startProgram(urls[server] ? { ...variables, POSTGRAPHILE_URL: urls[server] } : variables)
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
      const plant = page.waitForResponse('**/auth/refresh')
      await later(page, 50_000)
      await (await plant).finished()
      await completeAll()
      await until(() => done() === '20', 'twenty done')
      await until(() => count(todos, 200) === 20, 'twenty answers')
      assert.equal(count(todos, 401) + count(todos, 200), todos.length)
      assert.ok(count(todos, 401) > 0)
      assert.deepEqual(refreshes, [200, 200]) // the one that planted it, and the one that mends it
      assert.equal(await page.locator(':checked').count(), 20)
      await is(page, 'Signed in')
    })

    test('five tabs are one session', async t => {
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

    test('a tab shows another user’s login, and nothing of the user before', async t => {
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

    test('logout everywhere ends the other browser’s session at its next refresh', async t => {
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

    test('a new password ends the other browser’s session, and not this one', async t => {
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
    // A field that PostGraphile alone has, so that this is known to be the one.
    const answer = await context.request.post(`${program.url}/graphql/todos`, { data: { query: '{ nodeId }' } })
    assert.equal((await answer.json()).data?.nodeId, server === 'the program' ? undefined : 'query')
  }
  assert.equal(await page.evaluate(() => document.cookie), marker)
})

test('PostGraphile gets the access token and no cookie, and sets none', async () => {
  const seen = []
  const upstream = http.createServer((request, response) => {
    seen.push([request.headers.authorization, request.headers.cookie])
    response.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"', 'Set-Cookie': 'planted=1' }).end()
  })
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  const program = await programs.startProgram({ POSTGRAPHILE_URL: `http://127.0.0.1:${upstream.address().port}/graphql` })
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
