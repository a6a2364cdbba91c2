// Firefox by puppeteer-core over WebDriver BiDi.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'

export const keepsSecureCookiesWithoutTls = true

export async function start() {
  const home = mkdtempSync(join(tmpdir(), 'browser-tests-firefox-'))
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    acceptInsecureCerts: true,
    timeout: 120_000,
    env: { ...process.env, HOME: home },
  })
  return {
    version: () => browser.version(),
    newContext: () => browser.createBrowserContext(),
    async close() {
      await browser.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
