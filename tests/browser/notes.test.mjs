// The example of pages rendered on the server: without script, by keyboard, and with what script adds.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as h from './helpers.mjs'

let server, browser
before(async () => {
  server = await h.startNotes()
  browser = await h.startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

const PASSWORDS = { alice: 'wonderland', bob: 'builder' }

async function open(t, options) {
  const context = await h.visitor(t, browser, options)
  const page = await context.newPage()
  const errors = []
  page.on('pageerror', error => errors.push(String(error)))
  page.on('console', message => {
    if (message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text())) errors.push(message.text())
  })
  t.after(() => assert.deepEqual(errors, []))
  await page.goto(server.origin)
  return { context, page }
}

const heading = (page, name) => page.getByRole('heading', { name, exact: true }).waitFor()

/** By keyboard alone: the name gets the focus by itself, which a browser gives when it first draws the page. */
async function signIn(page, name) {
  await page.locator('input[name=name]:focus').waitFor()
  await page.keyboard.type(name)
  await page.keyboard.press('Tab')
  await page.keyboard.type(PASSWORDS[name])
  await page.keyboard.press('Enter')
  await heading(page, 'Notes')
}

async function add(page, text) {
  await page.getByLabel('New note').focus()
  await page.keyboard.type(text)
  await page.keyboard.press('Enter')
  await page.getByText(text, { exact: true }).waitFor()
}

test('everything works by keyboard and without script', async t => {
  const { page } = await open(t, { javaScriptEnabled: false })
  await signIn(page, 'bob')
  await page.getByText('Signed in as bob').waitFor()
  await add(page, 'Mend the fence')
  await page.getByRole('button', { name: 'Delete Mend the fence' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('No notes yet.').waitFor()
  await page.waitForLoadState()
  await page.keyboard.press('Tab')
  assert.equal(await page.locator(':focus').textContent(), 'Skip to the content')
  await page.goto(`${server.origin}/admin`)
  await heading(page, 'Not allowed')
  await page.goto(`${server.origin}/about`)
  await page.getByText('Hello, bob!').waitFor()
  await page.getByRole('button', { name: 'Log out' }).focus()
  await page.keyboard.press('Enter')
  await heading(page, 'Sign in')
  await page.getByText('Not signed in').waitFor()
})

test('a wrong password keeps the name and the way back', async t => {
  const { page } = await open(t)
  await page.goto(`${server.origin}/admin`)
  await page.getByLabel('Name').fill('alice')
  await page.getByLabel('Password').fill('guess')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  assert.equal(await page.getByLabel('Name').inputValue(), 'alice')
  await page.getByLabel('Password').fill(PASSWORDS.alice)
  await page.keyboard.press('Enter')
  await heading(page, 'Users')
})

test('what one tab writes is in the other, and the picture and the download are the session’s', async t => {
  const { context, page } = await open(t)
  await signIn(page, 'alice')
  const other = await context.newPage()
  await other.goto(server.origin)
  await add(page, 'Tea at five')
  assert.equal(await page.getByLabel('New note').inputValue(), '')
  await other.getByText('Tea at five').waitFor()
  await other.getByRole('button', { name: 'Delete Tea at five' }).click()
  await page.getByText('No notes yet.').waitFor()
  await h.until(() => page.locator('header img').evaluate(image => image.naturalWidth > 0), 'the picture')
  await add(page, 'Ask the cat')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('Download them').click()])
  assert.equal(download.suggestedFilename(), 'notes.txt')
})

test('the note of a page that another user left open is not saved', async t => {
  const { context, page } = await open(t)
  await signIn(page, 'alice')
  const other = await context.newPage()
  await other.goto(`${server.origin}/login`)
  await signIn(other, 'bob')
  const form = page.locator('form.card')
  await form.evaluate(form => form.removeAttribute('hx-post'))
  const answer = await page.evaluate(async () => {
    const body = new URLSearchParams(new FormData(document.querySelector('form.card')))
    return (await fetch('/notes', { method: 'POST', body })).status
  })
  assert.equal(answer, 409)
})
