// Three nodes by one command, on both engines: what has ended ends everywhere, and what happens to the engine ends nothing.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startBrowser, until, visitor } from '../../../tests/browser/helpers.mjs'
import { Device, startExample, startLoad } from './example.mjs'

const OUTAGE = 5_000
const ENDINGS = 20

for (const registry of ['postgres', 'redis']) {
  describe(registry, () => {
    let example, browser

    before(async () => {
      example = await startExample(registry)
      browser = await startBrowser()
    })

    after(async () => {
      await browser?.close()
      await example?.end()
    })

    const bob = () => Device.login(example.origin, 'bob', 'builder')
    const refuses = (device, origin) =>
      until(async () => (await device.status('GET', '/api/me', origin)) === 401, `${origin} to refuse`)
    const lag = async node => (await (await fetch(`${example.origin}/lag/${node}`)).json()).lag_ms
    const follow = () =>
      until(async () => (await Promise.all([1, 2, 3].map(lag))).every(lag => lag < 2_000), 'all nodes to follow')

    /** No request of the load failed, and its sessions live on. */
    async function nothingFailed(load) {
      const { calls, refreshes, failed } = await load.stop()
      console.log(`${registry}: ${calls} calls and ${refreshes} refreshes, of which ${failed.length} failed`)
      assert.deepEqual(failed.slice(0, 5), [])
      assert.ok(refreshes >= load.clients.length, `${refreshes} refreshes`)
      for (const client of load.clients) await client.refresh()
    }

    test('an ended device is refused on the other nodes within a second, while sixteen clients notice nothing', async t => {
      const load = await startLoad(example.origin)
      t.after(load.stop)
      const owner = await bob()
      const took = []
      for (let number = 0; number < ENDINGS; number++) {
        const device = await bob()
        for (const node of example.nodes) assert.equal(await device.status('GET', '/api/me', node), 200)
        const [here, ...others] = example.nodes
        const ends = async () => (await owner.status('DELETE', `/api/devices/${device.sid}`, here)) === 204
        await until(ends, 'the login to be written down')
        const ended = performance.now()
        assert.equal(await device.status('GET', '/api/me', here), 401)
        await Promise.all(others.map(node => refuses(device, node)))
        took.push(performance.now() - ended)
        await assert.rejects(device.refresh(), /401 .*session_ended/)
      }
      took.sort((a, b) => a - b)
      console.log(`${registry}: refused on the others after ${took.map(Math.round).join(', ')} ms`)
      // What it takes where the machine leaves it the time.
      assert.ok(took[ENDINGS / 4] < 1_000, `${took}`)
      await nothingFailed(load)
    })

    test('the engine is stopped and started, and nobody is logged out', async t => {
      const load = await startLoad(example.origin)
      t.after(load.stop)
      t.after(() => example.order('start'))
      const [here, there] = example.nodes
      const leaver = await bob()
      const copy = leaver.copy()
      const owner = await bob()
      await example.order('stop')
      const stopped = performance.now()
      await until(async () => (await lag(1)) > 2_000, 'the lag to show')

      // What needs the registry says so, and nothing else does.
      assert.equal(await owner.status('GET', '/api/devices', here), 503)
      const newcomer = await bob()
      await newcomer.refresh(there)
      assert.equal((await leaver.logout(here)).status, 204)
      assert.equal(await copy.status('GET', '/api/me', here), 401)
      assert.equal(await copy.status('GET', '/api/me', there), 200)

      await sleep(Math.max(0, OUTAGE - (performance.now() - stopped)))
      await example.order('start')
      await refuses(copy, there)
      await follow()
      await assert.rejects(copy.refresh(there), /401 .*session_ended/)
      await newcomer.refresh(there)
      const { devices } = await (await newcomer.call('GET', '/api/devices', here)).json()
      assert.ok(devices.some(({ sid }) => sid === newcomer.sid), 'who came in the outage is listed')
      await nothingFailed(load)
    })

    test('nobody ends what is not his, and nobody but an administrator asks for others', async () => {
      const [alice, thief] = [await Device.login(example.origin, 'alice', 'wonderland'), await bob()]
      await until(async () => (await (await alice.call('GET', '/api/devices')).json()).devices.some(({ sid }) => sid === alice.sid))
      assert.equal(await thief.status('DELETE', `/api/devices/${alice.sid}`), 404)
      assert.equal(await thief.status('GET', '/api/users/1/devices'), 403)
      assert.equal(await thief.status('DELETE', '/api/users/1/devices'), 403)
      for (const node of example.nodes) assert.equal(await alice.status('GET', '/api/me', node), 200)
    })

    const button = (page, name) => page.getByRole('button', { name, exact: true })
    const rows = page => page.locator('#devices li')
    const status = (page, text) => page.getByRole('status').filter({ hasText: text }).waitFor()

    /** The page in a browser of its own, as whoever is named. */
    async function page(t, name, options) {
      const context = await visitor(t, browser, options)
      const page = await context.newPage()
      const errors = []
      page.on('pageerror', error => errors.push(error))
      t.after(() => assert.deepEqual(errors, []))
      await page.goto(example.origin)
      await page.click(`[data-name="${name}"]`)
      await page.locator('#devices li.this').waitFor()
      return page
    }

    test('the page lists, ends one, ends all others, and says so where it was ended', async t => {
      const here = await page(t, 'bob')
      const phone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5'
      const there = await page(t, 'bob', { userAgent: phone })
      const row = rows(here).filter({ hasText: 'Safari on iPhone' })
      await row.getByRole('button').click()
      await status(here, 'has ended')
      await row.waitFor({ state: 'detached' })
      await status(there, 'This session was ended from elsewhere')
      await button(there, 'Log in').waitFor()

      await button(here, 'End all other sessions').click()
      await until(async () => (await rows(here).count()) === 1, 'this device alone')
      await button(here, 'End all other sessions').waitFor({ state: 'hidden' })
    })

    test('an administrator ends somebody else’s sessions', async t => {
      const victim = await page(t, 'bob')
      const admin = await page(t, 'alice')
      await admin.locator('#theirs li').first().waitFor()
      await button(admin, 'End all their sessions').click()
      await status(admin, 'All their sessions have ended')
      await status(victim, 'This session was ended from elsewhere')
    })

    test('the keyboard is enough, and the focus stays where it was', async t => {
      const here = await page(t, 'bob')
      await page(t, 'bob')
      const first = rows(here).getByRole('button').first()
      await first.focus()
      const before = await rows(here).count()
      await here.keyboard.press('Enter')
      await until(async () => (await rows(here).count()) === before - 1, 'one device less')
      assert.equal(await here.evaluate(() => document.activeElement.id), 'account-title')
    })

    test('the page with the lag shows an outage, and its end', async t => {
      const context = await visitor(t, browser)
      const page = await context.newPage()
      t.after(() => example.order('start'))
      await page.goto(`${example.origin}/lag`)
      await status(page, 'All nodes follow the registry')
      await example.order('stop')
      await status(page, 'go on by the tokens alone')
      await example.order('start')
      await status(page, 'All nodes follow the registry')
    })

    test('nothing is wider than a phone of 320 pixels', async t => {
      const here = await page(t, 'alice', { viewport: { width: 320, height: 640 } })
      const wide = () => here.evaluate(() => document.documentElement.scrollWidth)
      assert.equal(await wide(), 320)
      await here.goto(`${example.origin}/lag`)
      await status(here, 'All nodes follow the registry')
      assert.equal(await wide(), 320)
    })
  })
}
