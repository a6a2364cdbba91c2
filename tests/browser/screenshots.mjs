// The pictures of the documentation, made anew from the programs they show: `.ci/screenshots`.

import { fileURLToPath } from 'node:url'
import { startExample } from '../../examples/devices/tests/example.mjs'
import * as programs from '../../examples/graphql/tests/programs.mjs'
import { startBrowser, startQuickstart } from './helpers.mjs'

const docs = name => fileURLToPath(new URL(`../../docs/${name}.png`, import.meta.url))
const browser = await startBrowser()

async function picture(name, origin, options, act) {
  const context = await browser.newContext({ colorScheme: 'light', ...options })
  const page = await context.newPage()
  await page.goto(origin)
  await act(page)
  await page.screenshot({ path: docs(name), fullPage: true })
  await context.close()
}

async function quickstart(page) {
  await page.getByLabel('Name').fill('bob')
  await page.getByLabel('Password').fill('guess')
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.getByRole('alert').filter({ hasText: 'Wrong' }).waitFor()
  await page.click('[data-name="bob"]')
  for (const path of ['/api/hello', '/api/me', '/api/admin']) {
    await page.click(`[data-path="${path}"]`)
    await page.locator(`li:has([data-path="${path}"]) output:not(:empty)`).waitFor()
  }
  await page.locator('#events li', { hasText: 'token refreshed' }).waitFor({ timeout: 70_000 })
  await page.waitForTimeout(3_000) // until the bar shows that the token's life is running
}

async function graphql(page) {
  const button = name => page.getByRole('button', { name, exact: true })
  const login = async (name, password) => {
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await button('Log in').click()
    await page.getByRole('heading', { name }).waitFor()
  }
  const add = async title => {
    await page.getByLabel('New todo').fill(title)
    await button('Add').click()
    await page.getByRole('checkbox', { name: title }).waitFor()
  }
  await login('bob', 'build-with-me')
  await add('Order more nails')
  await add('Mend the fence')
  await page.getByRole('checkbox', { name: 'Mend the fence' }).click()
  await button('Log out').click()
  await login('alice', 'wonderland')
  await add('Invite the March Hare to tea')
  await add('Read the policies of the schema')
  await page.getByText('Everyone’s').click()
  await page.getByText('Order more nails').waitFor()
}

const MOZILLA = 'Mozilla/5.0'
const OTHERS = [
  `${MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/604.1`,
  `${MOZILLA} (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0`,
]

async function devices(page) {
  await page.click('[data-name="bob"]')
  await page.locator('#devices li.this').waitFor()
}

try {
  const example = await startExample('postgres')
  for (const userAgent of OTHERS) {
    const context = await browser.newContext({ userAgent })
    const page = await context.newPage()
    await page.goto(example.origin)
    await devices(page)
    await context.close()
  }
  await picture('devices', example.origin, { viewport: { width: 600, height: 484 }, deviceScaleFactor: 2 }, devices)
  await example.end()
  const server = await startQuickstart()
  await picture('quickstart', server.origin, { viewport: { width: 1200, height: 805 } }, quickstart)
  await server.stop()
  // Without an address of a database, the program starts one with two people in it.
  const { url } = await programs.startProgram()
  await picture('graphql', url, { viewport: { width: 600, height: 484 }, deviceScaleFactor: 2 }, graphql)
} finally {
  await programs.endAll()
  await browser.close()
}
