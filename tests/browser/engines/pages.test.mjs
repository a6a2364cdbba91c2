// Pages that the server renders, in the engine that ENGINE names: what is told apart by how engines send cookies, Fetch
// Metadata and bodies. The application is at https://localhost; https://127.0.0.1 stands for another site, and another
// port of localhost for another origin of this one. Numbers are those of ../pages.test.mjs.

import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import * as h from '../helpers.mjs'
import { scenarios } from './scenarios.mjs'

const ENGINE = process.env.ENGINE ?? 'chromium'
const { start } = await import(`./${ENGINE}.mjs`)

const EXPIRED = { ahead: 16 * 60 }

let proxy, other, server, browser, app, stranger, sibling
before(async () => {
  server = await h.startPages()
  proxy = await h.startProxy()
  other = await h.startProxy()
  proxy.upstream = other.upstream = server.port
  app = proxy.origin('localhost')
  stranger = proxy.origin('127.0.0.1')
  sibling = other.origin('localhost')
  browser = await start()
  console.log(ENGINE, await browser.version())
})
after(async () => {
  await browser?.close()
  await server?.stop()
  proxy?.stop()
  other?.stop()
})

const scenario = scenarios(() => server.control({}))

const heading = tab => tab.evaluate(() => document.querySelector('h1')?.textContent)
const shows = (tab, wanted) =>
  h.until(async () => (await heading(tab)) === wanted, wanted).catch(async error => {
    throw new Error(`${error.message}; it shows ${await heading(tab)}`)
  })

/** Sends a form to `action`, from whichever page the tab shows. */
const post = (tab, action, fields) =>
  tab.evaluate(
    ({ action, fields }) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', action })
      for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement('input'), { name, value }))
      document.body.append(form)
      // Once the script has answered.
      setTimeout(() => form.submit())
    },
    { action, fields },
  )

/** Until the tab is at the application, whatever it shows. */
const arrives = tab => h.until(async () => (await tab.evaluate(() => location.origin)) === app, 'the application')

const follow = (tab, url) => tab.evaluate(url => void setTimeout(() => (location.href = url)), url)

async function signedIn(t) {
  const context = await browser.newContext()
  t.after(() => context.close())
  const tab = await context.newPage()
  await tab.goto(`${app}/login`)
  await post(tab, '/login', { sub: 'ada' })
  await shows(tab, 'ada')
  return tab
}

const get = (tab, url) =>
  tab.evaluate(url => fetch(url).then(async answer => `${answer.status} ${await answer.text()}`), url)

scenario('2, 3 and 4: an address, a form and a request of script at expiry', async t => {
  const tab = await signedIn(t)
  await server.control(EXPIRED)
  let seen = await server.watch()
  await tab.goto(`${app}/other`)
  await shows(tab, 'ada')
  assert.deepEqual((await seen()).lines, ['GET /other 307', 'GET /auth/refresh?to=/other 307', 'GET /other 200'])
  await server.control({ ahead: 2 * EXPIRED.ahead })
  seen = await server.watch()
  await post(tab, '/save', { text: 'kept' })
  await shows(tab, '4 by ada for ada')
  assert.equal((await seen()).lookups, 1)
  await server.control({ ahead: 3 * EXPIRED.ahead })
  assert.match(await get(tab, '/echo'), /^200 .*"sub":"ada"/)
})

scenario('6 and 7: a link from another site, before and at expiry', async t => {
  const tab = await signedIn(t)
  for (const [order, path] of [[{}, '/'], [EXPIRED, '/other'], [EXPIRED, '/public']]) {
    await server.control(order)
    await tab.goto(`${stranger}/blank`)
    await follow(tab, app + path)
    await shows(tab, 'ada')
  }
})

scenario('10: a form of another site writes nothing', async t => {
  const tab = await signedIn(t)
  await tab.goto(`${stranger}/blank`)
  const seen = await server.watch()
  await post(tab, `${app}/save`, { text: 'evil' })
  await shows(tab, 'login')
  assert.equal((await seen()).lines[0], 'POST /save 303')
  await tab.goto(`${stranger}/blank`)
  await post(tab, `${app}/auth/logout`, {})
  await h.until(async () => (await seen()).lines.includes('POST /auth/logout 403'), 'the refusal')
  await arrives(tab)
  await tab.goto(app)
  await shows(tab, 'ada')
})

scenario('11: another origin of the site reads, writes and connects to nothing', async t => {
  const tab = await signedIn(t)
  const open = () => tab.goto(`${sibling}/blank`)
  const refused = async line => {
    await h.until(async () => (await seen()).lines.includes(line), line)
    const [{ cookies }] = (await seen()).requests.filter(({ method, url, status }) => `${method} ${url} ${status}` === line)
    assert.equal(cookies, 'access marker')
  }
  await open()
  const seen = await server.watch()
  await tab.evaluate(app => void fetch(`${app}/echo`, { mode: 'no-cors', credentials: 'include' }).catch(() => {}), app)
  await refused('GET /echo 403')
  await tab.evaluate(app => void (new Image().src = `${app}/image/1`), app)
  await refused('GET /image/1 403')
  await tab.evaluate(app => void new WebSocket(`${app.replace('http', 'ws')}/live`), app).catch(() => {})
  await post(tab, `${app}/save`, { text: 'evil' })
  await refused('POST /save 403')
  await arrives(tab)
  await open()
  await follow(tab, app)
  await shows(tab, 'ada')
})

scenario('13 and 15: images and an EventSource at expiry', async t => {
  const tab = await signedIn(t)
  await server.control(EXPIRED)
  const loaded = await tab.evaluate(() => {
    const load = number =>
      new Promise((resolve, reject) => {
        const image = new Image()
        image.onload = resolve
        image.onerror = () => reject(new Error(String(number)))
        image.src = `/image/${number}`
      })
    return Promise.all(Array.from({ length: 20 }, (_, number) => load(number))).then(all => all.length)
  })
  assert.equal(loaded, 20)
  await server.control({ ahead: 2 * EXPIRED.ahead })
  const heard = await tab.evaluate(
    () =>
      new Promise(resolve => {
        const source = new EventSource('/events')
        source.onmessage = ({ data }) => (source.close(), resolve(data))
      }),
  )
  assert.equal(heard, 'ada')
})

scenario('25 and 29: after a logout, nobody', async t => {
  const tab = await signedIn(t)
  await post(tab, '/auth/logout', {})
  await shows(tab, 'login')
  await tab.evaluate(() => void setTimeout(() => history.back()))
  await h.until(async () => (await tab.evaluate(() => location.search)) === '?to=/', 'the login page')
  assert.match(await get(tab, '/public'), /nobody/)
})
