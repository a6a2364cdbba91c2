// WebKitGTK's MiniBrowser by WebKitWebDriver, in the words of the W3C's WebDriver, on a display of its own.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from '../helpers.mjs'

export const keepsSecureCookiesWithoutTls = false

/** In milliseconds; less than what a test waits for, so that it can ask again. */
const COMMAND_ANSWERS = 15_000
const DRIVER = process.env.WEBKIT_DRIVER ?? '/usr/bin/WebKitWebDriver'

/** However the test process ends, `program` ends with it. */
const run = (program, args, options) => spawn('setpriv', ['--pdeathsig', 'TERM', program, ...args], options)

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill()
  await once(child, 'exit')
}

async function startDisplay() {
  const options = { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] }
  const child = run('Xvfb', ['-displayfd', '3', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], options)
  const number = once(createInterface(child.stdio[3]), 'line')
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('Xvfb did not start')))
  const [line] = await Promise.race([number, failed])
  failed.catch(() => {})
  return { name: `:${line}`, end: () => end(child) }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Starts WebKitWebDriver; `call` sends it a command. */
async function startDriver(env) {
  const port = await freePort()
  const child = run(DRIVER, [`--port=${port}`], { env, stdio: 'ignore' })
  async function call(method, path, body) {
    // A script that meets a page on its way into the back/forward cache is never answered.
    const signal = AbortSignal.timeout(COMMAND_ANSWERS)
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body), signal })
    const { value } = await answer.json()
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`)
    return value
  }
  await until(async () => (await call('GET', '/status')).ready, 'WebKitWebDriver')
  return { call, end: () => end(child) }
}

/** A browser process without cookies; the driver has one at a time. */
async function newContext(call) {
  const capabilities = { alwaysMatch: { acceptInsecureCerts: true } }
  const { sessionId, capabilities: matched } = await call('POST', '/session', { capabilities })
  const session = `/session/${sessionId}`
  const first = await call('GET', `${session}/window`)
  let isFirstUsed = false

  let turn = Promise.resolve()
  /** A command in a window, behind those before it, because the driver remembers one window for all. */
  function inWindow(handle, method, command, body) {
    const answer = turn.then(async () => {
      await call('POST', `${session}/window`, { handle })
      return call(method, `${session}/${command}`, body)
    })
    turn = answer.catch(() => {})
    return answer
  }

  async function newPage() {
    // Not a tab, because one behind another would be hidden.
    const open = () => inWindow(first, 'POST', 'window/new', { type: 'window' })
    const handle = isFirstUsed ? (await open()).handle : first
    isFirstUsed = true
    return {
      goto: url => inWindow(handle, 'POST', 'url', { url }),
      reload: () => inWindow(handle, 'POST', 'refresh', {}),
      cookies: () => inWindow(handle, 'GET', 'cookie'),
      close: () => inWindow(handle, 'DELETE', 'window'),
      async evaluate(run, arg) {
        const script = `
          const [arg, done] = arguments
          new Promise(resolve => resolve((${run})(arg)))
            .then(value => done({ value }), error => done({ error: String(error) }))`
        const { value, error } = await inWindow(handle, 'POST', 'execute/async', { script, args: [arg ?? null] })
        if (error) throw new Error(error)
        return value
      },
    }
  }

  return {
    version: matched.browserVersion,
    newPage,
    async cookies(url) {
      const page = await newPage()
      await page.goto(url)
      const cookies = await page.cookies()
      await page.close()
      return cookies
    },
    close: () => call('DELETE', session),
  }
}

export async function start() {
  const home = mkdtempSync(join(tmpdir(), 'browser-tests-webkit-'))
  const display = await startDisplay()
  const driver = await startDriver({ ...process.env, DISPLAY: display.name, HOME: home, XDG_RUNTIME_DIR: home })
  return {
    newContext: () => newContext(driver.call),
    async version() {
      const { version, close } = await newContext(driver.call)
      await close()
      return version
    },
    async close() {
      await driver.end()
      await display.end()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
