// The document in Swagger UI, by mouse and keyboard.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import puppeteer from 'puppeteer-core'
import { startExample, startSwagger } from './helpers.mjs'

let example, swagger, browser
before(async () => {
  example = await startExample()
  swagger = await startSwagger(example.origin)
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
  browser = await puppeteer.launch({ executablePath, timeout: 120_000, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
})
after(async () => {
  await browser?.close()
  await swagger?.stop()
  await example?.stop()
})

test('somebody logs in, authorizes and calls what is guarded', async () => {
  const page = await browser.newPage()
  await page.setViewport({ width: 1200, height: 1600 })
  page.setDefaultTimeout(30_000)
  await page.goto(`${swagger.origin}/docs/`)

  /** Executes an operation; status and body of what came back. */
  const execute = async name => {
    const block = `[id$="-${name}"]`
    await page.waitForSelector(block)
    if (!(await page.$(`${block} .execute`))) {
      await page.click(`${block} .opblock-summary-control`)
      await page.click(await page.waitForSelector(`${block} .try-out__btn`).then(() => `${block} .try-out__btn`))
    } else {
      await page.click(`${block} .btn-clear`)
    }
    const answered = page.waitForResponse(response => !response.url().includes('/docs/'))
    await page.click(await page.waitForSelector(`${block} .execute`).then(() => `${block} .execute`))
    await answered
    const live = `${block} .live-responses-table .response`
    await page.waitForSelector(`${live} .response-col_status`)
    await page.waitForFunction(selector => document.querySelector(selector)?.innerText.trim(), {}, `${live} .highlight-code`)
    return page.$eval(live, row => ({
      status: Number.parseInt(row.querySelector('.response-col_status').innerText),
      body: row.querySelector('.highlight-code code').innerText,
    }))
  }

  const stranger = await execute('me')
  assert.equal(stranger.status, 401)
  assert.equal(JSON.parse(stranger.body).code, 'missing_token')

  const login = await execute('login')
  assert.equal(login.status, 200)
  const token = JSON.parse(login.body).access_token

  await page.click('.btn.authorize')
  const schemes = '.auth-container'
  await page.waitForSelector(schemes)
  const names = await page.$$eval(`${schemes} h4 code`, headings => headings.map(heading => heading.innerText))
  assert(names.includes('session'), names.join())
  await page.type('#auth-bearer-value', token)
  const bearer = await page.$('#auth-bearer-value')
  const form = await bearer.evaluateHandle(input => input.closest('form'))
  await (await form.$('button.authorize')).click()
  await page.click('.modal-ux .close-modal')

  assert.deepEqual(await execute('me'), { status: 200, body: 'Hello, Ada!' })
  const locked = await page.$$eval('[id$="-me"] .authorization__btn.locked, [id$="-me"] .authorization__btn[aria-label*="locked"]', locks => locks.length)
  assert(locked > 0, 'the guarded operation shows no lock')
  await page.close()
})
