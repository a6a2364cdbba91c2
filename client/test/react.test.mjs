// The hook with the real React, in a document of happy-dom.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { useSession } from '@stateless-session/client/react'
import { Window } from 'happy-dom'
import { Browser } from './browser.mjs'

const window = new Window()
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true })
globalThis.navigator ??= window.navigator
// React looks for a document when it is loaded.
const { StrictMode, act, createElement } = await import('react')
const { createRoot, hydrateRoot } = await import('react-dom/client')
const { renderToString } = await import('react-dom/server')

it('follows the session and renders for changes only', async () => {
  const browser = new Browser()
  const tab = await browser.open()
  const other = await browser.open()
  const container = document.createElement('div')
  let renders = 0
  function Who() {
    const { state, claims } = useSession(tab.session)
    renders++
    return `${state} ${claims?.sub}`
  }
  const shows = async (text, change) => {
    await act(change)
    assert.equal(container.textContent, text)
  }
  const root = createRoot(container)
  const login = async (tab, user) => {
    tab.login(user)
    await browser.pass(100)
  }
  await shows('out undefined', () => root.render(createElement(StrictMode, null, createElement(Who))))
  await shows('in ann', () => login(tab, 'ann'))
  await shows('in bob', () => login(other, 'bob'))
  const before = renders
  await shows('in bob', () => browser.pass(60_000))
  assert.equal(renders, before)
  await shows('out undefined', async () => {
    other.session.logout()
    await browser.pass(100)
  })
})

it('is rendered by a server, and taken over without a warning', async () => {
  const browser = new Browser()
  const signedIn = await browser.open()
  signedIn.login('ann')
  await browser.pass(100)
  const tab = await browser.open()
  await browser.pass(100)
  const Who = () => {
    const { state, claims } = useSession(tab.session)
    return createElement('p', null, `${state} ${claims?.sub}`)
  }
  const container = document.createElement('div')
  container.innerHTML = renderToString(createElement(Who))
  assert.equal(container.textContent, 'unknown undefined')
  const said = []
  const { error } = console
  console.error = (...what) => said.push(what)
  const onRecoverableError = mismatch => said.push(mismatch)
  await act(() => hydrateRoot(container, createElement(Who), { onRecoverableError }))
  console.error = error
  assert.equal(container.textContent, 'in ann')
  assert.deepEqual(said, [])
})
