// Chromium by playwright-core, in whose words the other two engines are driven as well.

import { startBrowser } from '../helpers.mjs'

export const keepsSecureCookiesWithoutTls = true
export const start = startBrowser
