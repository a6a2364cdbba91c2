// The example as users start it, in real browsers, with the real provider.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import puppeteer from 'puppeteer-core'

const PATHS = {
  chrome: process.env.CHROMIUM ?? '/usr/bin/chromium',
  firefox: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** `./run`, and the mails that it prints. */
async function start() {
  const env = { ...process.env, PORT: await freePort(), PROVIDER_PORT: await freePort() }
  const child = spawn('./run', { cwd: new URL('..', import.meta.url), env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const mails = []
  const waiting = []
  let origin
  createInterface(child.stdout).on('line', line => {
    const mail = /^mail to (\S+): (\S+)$/.exec(line)
    if (mail) (waiting.shift() ?? (link => mails.push(link)))(mail[2])
    else if (line.startsWith('http://')) origin(line)
  })
  const address = await new Promise((resolve, reject) => {
    origin = resolve
    child.once('exit', () => reject(new Error('the example did not start')))
  })
  return {
    origin: address,
    provider: `http://127.0.0.1:${env.PROVIDER_PORT}`,
    mail: () => (mails.length ? mails.shift() : new Promise(resolve => waiting.push(resolve))),
    stop: () => process.kill(-child.pid, 'SIGTERM'),
  }
}

/** The application alone, and a provider that the test starts and stops. */
async function startWithoutProvider() {
  const [port, providerPort] = [await freePort(), await freePort()]
  const [origin, provider] = [`http://localhost:${port}`, `http://127.0.0.1:${providerPort}`]
  const env = { ...process.env, PORT: port, PROVIDER_PORT: providerPort, APP: origin, ISSUER: provider }
  const cwd = new URL('..', import.meta.url)
  const program = `${process.env.CARGO_TARGET_DIR ?? 'target'}/debug/sign-in`
  const run = async (command, ready, ...args) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface(child.stdout)) if (line.includes(ready)) return child
    throw new Error(`${command} did not start`)
  }
  const stop = async child => {
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.signalCode === null && child.kill()) await ended
  }
  const app = await run(program, origin)
  let running
  return {
    origin,
    provider,
    startProvider: async () => { running = await run('node', provider, 'provider/provider.mjs') },
    stopProvider: () => stop(running),
    stop: () => Promise.all([stop(app), running && stop(running)]),
  }
}

let app
before(async () => { app = await start() })
after(() => app?.stop())

/** Waits until the page says who is signed in. */
async function who(page, wanted) {
  await page.waitForFunction(wanted => document.getElementById('who')?.textContent === wanted, {}, wanted)
}

/** At the provider, until it sends back. */
async function atProvider(page, name, provider = app.provider) {
  await page.bringToFront()
  await page.waitForSelector('input[name=login]')
  await page.type('input[name=login]', name)
  await page.type('input[name=password]', 'any')
  await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')])
  // Consent, where it was not given yet.
  if (page.url().startsWith(provider) && (await page.$('button[type=submit]'))) {
    await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')])
  }
}

const signIn = async (page, name) => {
  await page.goto(`${app.origin}/sign-in?to=/`)
  await atProvider(page, name)
}

/** What answers the navigation that `act` brings about. Firefox shows no page for problem details, so that is not waited for. */
async function answering(page, act) {
  const isDocument = answer => answer.request().isNavigationRequest() && ![302, 303].includes(answer.status())
  const navigated = page.waitForNavigation().catch(() => {})
  const [answer] = await Promise.all([page.waitForResponse(isDocument), act().catch(() => {})])
  await Promise.race([navigated, new Promise(resolve => setTimeout(resolve, answer.ok() ? 20_000 : 2_000).unref())])
  return answer
}

/** Chromium's virtual authenticator, which agrees to everything. */
async function withAuthenticator(page) {
  const devtools = await page.createCDPSession()
  await devtools.send('WebAuthn.enable')
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return {
    credentials: async () => (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    add: async credentials => {
      for (const credential of credentials) await devtools.send('WebAuthn.addCredential', { authenticatorId, credential })
    },
  }
}

/** A form of the page without script, with a value in each field. */
async function submit(page, values, button = 'form button') {
  for (const [selector, value] of Object.entries(values)) await page.type(selector, value)
  return answering(page, () => page.click(button))
}

for (const engine of ['chrome', 'firefox']) {
  describe(engine, () => {
    let browser
    before(async () => {
      browser = await puppeteer.launch({
        browser: engine,
        executablePath: PATHS[engine],
        headless: true,
        timeout: 120_000,
        args: engine === 'chrome' ? ['--no-sandbox', '--disable-gpu'] : [],
      })
    })
    after(() => browser?.close())

    /** A browser of its own, without cookies. */
    async function visitor(t) {
      const context = await browser.createBrowserContext()
      t.after(() => context.close())
      const page = await context.newPage()
      page.setDefaultTimeout(20_000)
      return page
    }

    test('a login at the provider comes back to the browser that went', async t => {
      const page = await visitor(t)
      await signIn(page, `eve-${engine}`)
      await who(page, `eve-${engine} at ${app.provider}`)
      await page.reload()
      await who(page, `eve-${engine} at ${app.provider}`)
    })

    test('two tabs may log in at once', async t => {
      const first = await visitor(t)
      const second = await first.browserContext().newPage()
      await first.goto(`${app.origin}/sign-in?to=/`)
      await second.goto(`${app.origin}/sign-in?to=/`)
      await atProvider(first, `tabs-${engine}`)
      await who(first, `tabs-${engine} at ${app.provider}`)
      await atProvider(second, `tabs-${engine}`)
      await who(second, `tabs-${engine} at ${app.provider}`)
    })

    test("the attacker's callback, opened by a victim, is refused before the handler runs", async t => {
      const attacker = await visitor(t)
      await attacker.goto(`${app.origin}/sign-in?to=/`)
      // The attacker keeps the code: the last redirect is not followed.
      let callback
      await attacker.setRequestInterception(true)
      attacker.on('request', request => {
        if (request.url().includes('/sign-in/callback')) {
          callback = request.url()
          request.abort()
        } else request.continue()
      })
      await atProvider(attacker, `mallory-${engine}`).catch(() => {})
      assert.match(callback, /code=.*state=/)

      const victim = await visitor(t)
      await victim.goto(`${app.provider}/.well-known/openid-configuration`) // a link on another site
      const answer = await answering(victim, () => victim.goto(callback))
      assert.equal(answer.status(), 403)
      await victim.goto(`${app.origin}/login`)
      const refreshed = await victim.evaluate(async () => (await fetch('/auth/refresh', { method: 'POST' })).status)
      assert.equal(refreshed, 401) // nobody is signed in there
    })

    test('who cancels comes back to the login page, is still who they were, and may try again', async t => {
      const page = await visitor(t)
      await page.goto(`${app.origin}/login`)
      assert.equal(await page.$eval('#canceled', notice => notice.checkVisibility()), false)
      const isAda = engine === 'chrome' // the last test there changes her password
      if (isAda) {
        await submit(page, { 'input[name=email]': 'ada@example.com', 'input[name=password]': 'wonderland' })
        await who(page, 'ada@example.com')
      }
      await page.goto(`${app.origin}/sign-in?to=/`)
      await page.waitForSelector('a[href$="/abort"]')
      await Promise.all([page.waitForNavigation(), page.click('a[href$="/abort"]')])
      assert.equal(page.url(), `${app.origin}/login#canceled`)
      assert.equal(await page.$eval('#canceled', notice => notice.checkVisibility()), true)
      if (isAda) {
        await page.goto(app.origin)
        await who(page, 'ada@example.com')
      }
      await signIn(page, `again-${engine}`)
      await who(page, `again-${engine} at ${app.provider}`)
    })

    test('a provider that is down ends nothing and says what to do, and logs in once it is back', async t => {
      const down = await startWithoutProvider()
      t.after(down.stop)
      const page = await visitor(t)
      await page.goto(`${down.origin}/login`)
      await submit(page, { 'input[name=email]': 'ada@example.com', 'input[name=password]': 'wonderland' })
      await who(page, 'ada@example.com')
      const begun = await page.goto(`${down.origin}/sign-in?to=/`)
      assert.equal(begun.status(), 502)
      assert.match(await page.$eval('body', body => body.innerText), /you still are/)
      await page.click('a[href="/"]')
      await who(page, 'ada@example.com')
      await page.click('#link')
      await page.waitForFunction(() => document.getElementById('outcome').textContent.startsWith('The provider does not answer'))

      // Down between the login there and the exchange.
      await down.startProvider()
      await page.goto(`${down.origin}/sign-in?to=/`)
      await page.setRequestInterception(true)
      page.on('request', async request => {
        if (request.url().includes('/sign-in/callback')) await down.stopProvider()
        request.continue()
      })
      const isCallback = answer => answer.url().includes('/sign-in/callback')
      const [answer] = await Promise.all([page.waitForResponse(isCallback), atProvider(page, `down-${engine}`, down.provider)])
      assert.equal(answer.status(), 502)
      assert.match(await page.$eval('body', body => body.innerText), /you still are/)
      page.removeAllListeners('request')
      await page.setRequestInterception(false)
      await page.goto(down.origin)
      await who(page, 'ada@example.com')

      await down.startProvider()
      await page.goBack()
      await Promise.all([page.waitForNavigation(), page.click('#again')])
      await atProvider(page, `down-${engine}`, down.provider)
      await who(page, `down-${engine} at ${down.provider}`)
    })

    test('a link of one mail logs in once, and a scanner that opens it uses nothing up', async t => {
      const page = await visitor(t)
      await page.goto(`${app.origin}/login`)
      const form = 'form[action="/mail/magic"]'
      await submit(page, { [`${form} input`]: 'ada@example.com' }, `${form} button:not([formaction])`)
      const link = await app.mail()
      for (let scans = 0; scans < 2; scans++) assert.equal((await fetch(link)).status, 200)
      await page.goto(link)
      await submit(page, {})
      await who(page, 'ada@example.com')
      const thief = await visitor(t)
      await thief.goto(link)
      assert.equal((await submit(thief, {})).status(), 400)
    })

    if (engine === 'firefox') return // the rest is no browser's affair

    test('a provider is one more way to an account, and nobody takes one over by its address', async t => {
      const page = await visitor(t)
      await signIn(page, 'ada') // the provider says ada@example.com
      await who(page, `ada at ${app.provider}`)
      const other = await visitor(t)
      await other.goto(`${app.origin}/login`)
      await submit(other, { 'input[name=email]': 'ada@example.com', 'input[name=password]': 'wonderland' })
      await who(other, 'ada@example.com')
      await Promise.all([other.waitForNavigation(), other.click('#link')])
      await atProvider(other, 'ada-of-work')
      await who(other, 'ada@example.com')
      const third = await visitor(t)
      await signIn(third, 'ada-of-work')
      await who(third, 'ada@example.com')
    })

    test('a passkey is added to the account that is signed in, and logs in without a name', async t => {
      const page = await visitor(t)
      await withAuthenticator(page)
      await page.goto(`${app.origin}/login`)
      await page.click('#passkey')
      await page.waitForFunction(() => document.getElementById('outcome').textContent.startsWith('No passkey'))
      await signIn(page, 'fido')
      await who(page, `fido at ${app.provider}`)
      for (const outcome of ['The passkey was added.', 'No passkey was added.']) { // one of each authenticator
        await page.click('#register')
        await page.waitForFunction(outcome => document.getElementById('outcome').textContent === outcome, {}, outcome)
      }
      for (let logins = 0; logins < 2; logins++) {
        await page.click('#logout')
        await who(page, 'out')
        await page.goto(`${app.origin}/login`)
        await Promise.all([page.waitForNavigation(), page.click('#passkey')])
        await who(page, `fido at ${app.provider}`)
      }
    })

    test("a passkey's answer counts once, in the browser that was asked, and from a page of this origin", async t => {
      const page = await visitor(t)
      const authenticator = await withAuthenticator(page)
      await signIn(page, 'rex')
      await page.click('#register')
      await page.waitForFunction(() => document.getElementById('outcome').textContent === 'The passkey was added.')
      const credentials = await authenticator.credentials()
      assert.equal(credentials.length, 1)

      // By a program, which sends whatever it likes: the browser only answers challenges.
      const json = { 'Content-Type': 'application/json' }
      const begin = async () => {
        const answer = await fetch(`${app.origin}/passkeys/login/begin`, { method: 'POST' })
        const [cookie] = answer.headers.getSetCookie()[0].split(';')
        return { cookie, ...(await answer.json()) }
      }
      const finish = async ({ state, cookie }, answered) => {
        const headers = { ...json, ...(cookie && { Cookie: cookie }) }
        const answer = await fetch(`${app.origin}/passkeys/login?state=${state}`, { method: 'POST', headers, body: answered })
        return [answer.status, (await answer.json()).code]
      }
      const answerTo = (page, { options }) => page.evaluate(async options => {
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
        return JSON.stringify(await navigator.credentials.get({ publicKey }))
      }, options)

      const begun = await begin()
      const late = await begin()
      const newer = await begin()
      const answered = await answerTo(page, newer)
      const another = await begin()
      assert.deepEqual(await finish({ state: newer.state }, answered), [403, 'login_unknown']) // without the cookie
      assert.deepEqual(await finish({ ...newer, cookie: another.cookie }, answered), [403, 'login_unknown']) // of another login
      assert.deepEqual(await finish(another, answered), [401, 'passkey_refused']) // to another challenge
      assert.deepEqual(await finish(newer, answered.replace(/"signature":"../, '"signature":"AA')), [401, 'passkey_refused'])
      const stranger = answered.replace(/"userHandle":"[^"]*"/, '"userHandle":"AAAAAAAAAAAAAAAAAAAAAA"')
      assert.deepEqual(await finish(newer, stranger), [401, 'passkey_unknown'])

      // A page of another origin that the passkey works at all the same: another port of this host.
      const elsewhere = createHttpServer((_, answer) => answer.end('<title>elsewhere</title>')).listen(0, '127.0.0.1')
      t.after(() => elsewhere.close())
      await once(elsewhere, 'listening')
      const phished = await page.browserContext().newPage()
      await phished.goto(`http://localhost:${elsewhere.address().port}`)
      await (await withAuthenticator(phished)).add(credentials)
      assert.deepEqual(await finish(another, await answerTo(phished, another)), [401, 'passkey_refused'])
      await phished.close()
      await page.bringToFront()

      const both = await Promise.all([finish(newer, answered), finish(newer, answered)])
      assert.equal(both.filter(([status]) => status === 200).length, 1)
      assert.deepEqual(await finish(newer, answered), [401, 'passkey_unknown']) // once more, with a copy of the cookie
      // A challenge from before the last login is over, even if nobody answered it yet.
      assert.deepEqual(await finish(late, await answerTo(page, late)), [401, 'passkey_unknown'])
      assert.notEqual(begun.state, late.state)
    })

    test('a passkey is added by its account alone, and to the session that asked', async t => {
      const page = await visitor(t)
      await withAuthenticator(page)
      await signIn(page, 'laika')
      await who(page, `laika at ${app.provider}`)
      const statuses = await page.evaluate(async () => {
        const { createSession } = await import('/auth/client.js')
        const session = createSession()
        const post = (via, url, body) => via(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
        const { state, options } = await (await post(session.fetch, '/passkeys/registration/begin')).json()
        const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
        const answer = JSON.stringify(await navigator.credentials.create({ publicKey }))
        const url = `/passkeys/registration?state=${state}`
        const login = `/passkeys/login?state=${state}`
        const without = await post(fetch, url, answer) // nobody signed in
        const elsewhere = await post(session.fetch, login, answer) // begun for another path
        const form = new URLSearchParams({ email: 'ada@example.com', password: 'wonderland' })
        await fetch('/login', { method: 'POST', body: form })
        const other = createSession()
        await other.ready
        const asAda = await post(other.fetch, url, answer)
        return [without, elsewhere, asAda].map(({ status }) => status)
      })
      assert.deepEqual(statuses, [401, 403, 409])
    })

    test('a guard that asks for a recent login gets one at the provider', async t => {
      const page = await visitor(t)
      await signIn(page, 'stepping')
      await who(page, `stepping at ${app.provider}`)
      await new Promise(resolve => setTimeout(resolve, 31_500))
      await page.goto(`${app.origin}/sign-in?to=/`) // the provider knows the browser and asks for nothing: no recent login
      await who(page, `stepping at ${app.provider}`)
      await Promise.all([page.waitForNavigation(), page.click('#close')])
      await atProvider(page, 'stepping') // although it knows the browser
      await who(page, `stepping at ${app.provider}`)
      await page.click('#close')
      await page.waitForFunction(() => document.getElementById('outcome').textContent === 'closed: 204')
    })

    test('an address is confirmed once, and a reset works once and signs everybody else out', async t => {
      const elsewhere = await visitor(t)
      await elsewhere.goto(`${app.origin}/login`)
      await submit(elsewhere, { 'input[name=email]': 'ada@example.com', 'input[name=password]': 'wonderland' })
      await who(elsewhere, 'ada@example.com')

      const page = await visitor(t)
      const form = 'form[action="/mail/magic"]'
      const mailed = async what => {
        await page.goto(`${app.origin}/login`)
        await submit(page, { [`${form} input`]: 'ada@example.com' }, `[formaction="/mail/${what}"]`)
        return app.mail()
      }
      const confirmation = await mailed('confirm')
      await page.goto(confirmation)
      assert.equal((await submit(page, {})).status(), 200)
      await page.goto(confirmation)
      assert.equal((await submit(page, {})).status(), 400)

      const [first, second] = [await mailed('reset'), await mailed('reset')]
      await page.goto(first.replace('/reset/', '/magic/'))
      assert.equal((await submit(page, {})).status(), 400) // a link of another purpose
      await page.goto(first)
      await submit(page, { 'input[name=password]': 'looking-glass' })
      assert.equal(page.url(), `${app.origin}/login`)
      for (const used of [first, second]) {
        await page.goto(used)
        const answer = await submit(page, { 'input[name=password]': 'once more' })
        assert.equal(answer.status(), 400)
      }
      await page.goto(`${app.origin}/login`)
      await submit(page, { 'input[name=email]': 'ada@example.com', 'input[name=password]': 'looking-glass' })
      await who(page, 'ada@example.com')
      await elsewhere.reload()
      await who(elsewhere, 'out')
    })
  })
}
