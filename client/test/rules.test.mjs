// One group per rule of the client. `npm run mutate` takes each rule out of the source and expects its group to fail.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Browser, MARKER, challenge, json, problem, payloadOf, sidOf } from './browser.mjs'

const LIFE = 900_000

/** What became of a promise, after the browser had time to bring it about. */
async function outcome(browser, promise, milliseconds = 200) {
  let result
  // Not a race: a tab has its own `Promise`, and the race would be over before one of those had its turn.
  promise.then(
    value => (result = { value }),
    error => (result = { error }),
  )
  await browser.pass(milliseconds)
  assert.ok(result, 'still pending')
  return result
}

async function done(browser, promise, milliseconds) {
  const { value, error } = await outcome(browser, promise, milliseconds)
  if (error) throw error
  return value
}

async function code(browser, promise, milliseconds) {
  const { error } = await outcome(browser, promise, milliseconds)
  assert.equal(error?.name, 'SessionError')
  return error.code
}

async function signedIn(user = 'ann', tabs = 1) {
  const browser = new Browser()
  const first = await browser.open()
  await done(browser, first.login(user))
  const all = [first]
  while (all.length < tabs) {
    all.push(await browser.open())
    await browser.pass(100)
  }
  return [browser, ...all]
}

const claims = tab => tab.session.claims && { ...tab.session.claims }
const user = tab => tab.session.claims?.sub
const states = (...tabs) => tabs.map(tab => tab.session.state)
const refreshes = browser => browser.server.requests.filter(({ path }) => path === '/auth/refresh').length
const down = () => {
  throw new TypeError('network error')
}
/** Lets only the session routes misbehave. */
const atRefresh = answer => request => (request.path === '/auth/refresh' ? answer(request) : undefined)

describe('rule 1: the token stays in memory', () => {
  it('writes nothing to storage or cookies, which throw here when touched', async () => {
    const [browser, tab] = await signedIn()
    await browser.pass(2 * LIFE)
    assert.deepEqual(tab.written, [])
    assert.deepEqual([...browser.jar.keys()].filter(name => !browser.jar.get(name).httpOnly), [MARKER])
  })

  it('shows no token to the console, nor to other tabs at logout', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    const token = await done(browser, first.session.token())
    const messages = []
    const { onmessage } = second.channels[0]
    second.channels[0].onmessage = event => {
      messages.push(JSON.stringify(event.data))
      onmessage(event)
    }
    browser.server.script = ({ path }) =>
      path === '/api' ? challenge('invalid_token', 'Bearer error="invalid_token"') : undefined
    for (let call = 0; call < 3; call++) await done(browser, first.session.fetch('/api'))
    assert.equal(first.said.length, 1)
    assert.ok(!/\.[\w-]{20}/.test(first.said.join()))
    messages.length = 0
    await done(browser, first.session.logout())
    assert.equal(messages.length, 1)
    assert.ok(![...messages, ...first.errors].join().includes(token.split('.')[1]))
  })

  it('shows no token on the session object or in what subscribers get', async () => {
    const [browser, tab] = await signedIn()
    const token = await done(browser, tab.session.token())
    assert.ok(!JSON.stringify([tab.session, tab.seen, tab.session.snapshot()]).includes(token))
    assert.ok(!Object.values(tab.session).includes(token))
  })
})

describe('rule 2: no marker, no request', () => {
  it('makes no request for an anonymous visitor, whatever happens to the page', async () => {
    const browser = new Browser()
    const tab = await browser.open()
    assert.equal(tab.session.state, 'out')
    for (const type of ['online', 'visibilitychange']) tab.dispatch(type)
    tab.dispatch('pageshow', { persisted: false })
    assert.equal(await code(browser, tab.session.token()), 'out')
    await browser.pass(LIFE)
    assert.equal(browser.server.requests.length, 0)
  })

  it('asks once at load where the marker cannot be read', async () => {
    const browser = new Browser()
    const page = { origin: 'https://pages.example' }
    const tab = await browser.open({ base: 'https://app.example/auth', marker: false }, page)
    assert.equal(tab.session.state, 'unknown')
    await browser.pass(LIFE)
    assert.equal(tab.session.state, 'out')
    assert.equal(browser.server.requests.length, 1)
  })
})

describe('rule 3: one refresh in flight', () => {
  it('makes one refresh for twenty requests at expiry', async () => {
    const [browser, tab] = await signedIn()
    tab.hide()
    await browser.pass(LIFE)
    const before = tab.requests.length
    const all = Array.from({ length: 20 }, () => tab.session.fetch('/api'))
    const responses = await done(browser, Promise.all(all))
    assert.ok(responses.every(response => response.status === 200))
    assert.equal(tab.refreshes, 1)
    assert.equal(tab.requests.length, before + 21)
  })

  it('makes one refresh for five tabs at once', async () => {
    const [browser, ...tabs] = await signedIn('ann', 5)
    for (const tab of tabs) tab.hide()
    await browser.pass(LIFE)
    await done(browser, Promise.all(tabs.map(tab => tab.session.token())))
    assert.equal(refreshes(browser), 1)
  })

  it('waits at most 3 s for the tab that holds the lock', async () => {
    const [browser, tab] = await signedIn()
    tab.hide()
    await browser.pass(LIFE)
    browser.locks.add('https://app.example/auth/')
    const token = tab.session.token()
    await browser.pass(2_900)
    assert.equal(tab.refreshes, 0)
    await done(browser, token, 300)
    assert.equal(tab.refreshes, 1)
  })

  it('needs no lock', async () => {
    const throwing = {
      request() {
        throw new Error('SecurityError')
      },
    }
    for (const locks of [undefined, { request: async () => Promise.reject(new Error('InvalidStateError')) }, throwing]) {
      const [browser] = await signedIn()
      browser.tabs[0].freeze()
      const tab = await browser.open(undefined, { globals: { navigator: { locks } } })
      await done(browser, tab.session.token())
      assert.equal(tab.refreshes, 1)
    }
  })
})

describe('rule 3: no wait without a bound', () => {
  it('refreshes without a lock manager that never answers', async () => {
    const [browser] = await signedIn()
    browser.tabs[0].freeze()
    const silent = { request: () => new Promise(() => {}) }
    const tab = await browser.open(undefined, { globals: { navigator: { locks: silent } } })
    const token = tab.session.token()
    await browser.pass(3_000)
    assert.equal(tab.refreshes, 0)
    await done(browser, token, 200)
    assert.equal(tab.refreshes, 1)
  })

  it('grows patient with a slow look-up, up to a minute', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = atRefresh(({ cookies }) => {
      const marker = cookies.get(MARKER)
      return { response: json(200, browser.server.tokenResponse('ann', sidOf(marker))), latency: 12_000 }
    })
    browser.sleep(LIFE)
    await browser.pass(13_000)
    assert.equal(tab.session.state, 'offline')
    await browser.pass(40_000)
    assert.equal(tab.session.state, 'in')
    const aborts = []
    browser.server.script = atRefresh(({ request, at }) => {
      request.signal.addEventListener('abort', () => aborts.push(browser.now - at))
      return { response: json(200, {}), latency: 1e9 }
    })
    browser.sleep(LIFE)
    await browser.pass(1_000_000)
    assert.deepEqual(aborts.slice(0, 5), [10_000, 20_000, 40_000, 60_000, 60_000])
  })

  it('does not wait for ever for the answer to a logout', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = ({ path }) => (path === '/auth/logout' ? { response: json(200, {}), latency: 1e9 } : undefined)
    await done(browser, tab.session.logout(), 11_000)
    assert.equal(tab.session.state, 'out')
  })

  it('gives up with the caller, while other callers still get theirs', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = atRefresh(({ cookies }) => {
      const marker = cookies.get(MARKER)
      return { response: json(200, browser.server.tokenResponse('ann', sidOf(marker))), latency: 8_000 }
    })
    browser.sleep(LIFE)
    const caller = new AbortController()
    const given = tab.session.fetch('/api', { signal: caller.signal })
    const other = tab.session.fetch('/api')
    await browser.pass(500)
    caller.abort(new Error('500 ms are over'))
    const again = tab.session.fetch('/api', { signal: caller.signal })
    for (const { reason } of await done(browser, Promise.allSettled([given, again]), 10)) {
      assert.equal(reason.message, '500 ms are over')
    }
    assert.equal((await done(browser, other, 9_000)).status, 200)
    assert.equal(tab.requests.filter(({ path }) => path === '/api').length, 1)
  })
})

describe('rule 4: a new tab asks its siblings first', () => {
  it('takes the token of a sibling, without a request', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    assert.equal(second.session.state, 'in')
    assert.equal(second.requests.length, 0)
    assert.equal(await done(browser, second.session.token()), await done(browser, first.session.token()))
  })

  it('gives up after 40 ms', async () => {
    const [browser, first] = await signedIn()
    first.freeze()
    const second = await browser.open()
    await browser.pass(39)
    assert.equal(second.requests.length, 0)
    await browser.pass(30)
    assert.equal(second.refreshes, 1)
    assert.equal(second.session.state, 'in')
  })

  it('counts the age of a token from where it was received', async () => {
    const [browser] = await signedIn()
    browser.tabs[0].hide()
    await browser.pass(LIFE - 10_000)
    const second = await browser.open()
    second.hide()
    await browser.pass(100)
    assert.equal(second.session.state, 'in')
    await browser.pass(10_000)
    await done(browser, second.session.token())
    assert.equal(second.refreshes, 1)
  })
})

describe('rule 5: lifetimes are durations', () => {
  for (const hours of [-1, 1]) {
    it(`serves the token on a clock that is ${hours} h off`, async () => {
      const browser = new Browser()
      browser.wallOffset = hours * 3_600_000
      const tab = await browser.open()
      await done(browser, tab.login('ann'))
      await done(browser, tab.session.token())
      await browser.pass(LIFE / 2)
      assert.equal((await done(browser, tab.session.fetch('/api'))).status, 200)
      assert.equal(tab.refreshes, 0)
    })
  }

  it('notices sleep, during which the monotonic clock stands still', async () => {
    const [browser, tab] = await signedIn()
    tab.hide()
    browser.sleep(LIFE)
    await done(browser, tab.session.token())
    assert.equal(tab.refreshes, 1)
  })

  it('notices the end of a token on a clock that was set back', async () => {
    const [browser, tab] = await signedIn()
    tab.hide()
    browser.wallOffset = -LIFE
    await browser.pass(LIFE)
    await done(browser, tab.session.token())
    assert.equal(tab.refreshes, 1)
  })

  it('notices the end of a sibling\'s token on a clock that was set back', async () => {
    const [browser, first] = await signedIn()
    first.hide()
    await browser.pass(LIFE - 10_000)
    browser.wallOffset = -LIFE
    const second = await browser.open()
    second.hide()
    await browser.pass(100)
    assert.equal(second.session.state, 'in')
    first.freeze()
    await browser.pass(10_000)
    await done(browser, second.session.token())
    assert.equal(second.refreshes, 1)
  })

  it('keeps both clocks when a sibling hands the token on late', async () => {
    const [browser, first] = await signedIn()
    await browser.pass(1000)
    const second = await browser.open()
    second.hide()
    browser.channelDelay = 20
    await browser.pass(1)
    browser.sleep(LIFE)
    await browser.pass(100)
    first.freeze()
    await done(browser, second.session.token())
    assert.equal(second.refreshes, 1)
  })
})

describe('rule 6: refresh ahead, and only while visible', () => {
  it('refreshes at most 30 s ahead, with jitter', async () => {
    const leads = new Set()
    for (let run = 0; run < 5; run++) {
      const [browser, tab] = await signedIn()
      await browser.pass(LIFE - 30_500)
      assert.equal(tab.refreshes, 0)
      await browser.pass(28_000)
      assert.equal(tab.refreshes, 1)
      leads.add(tab.requests.at(-1).at)
    }
    assert.ok(leads.size > 1)
  })

  it('refreshes a short token a fifth of its life ahead', async () => {
    const browser = new Browser()
    browser.server.lifetime = 10
    const tab = await browser.open()
    await done(browser, tab.login('ann'))
    await browser.pass(7_700)
    assert.equal(tab.refreshes, 0)
    await browser.pass(1_000)
    assert.equal(tab.refreshes, 1)
  })

  it('does not fall into a loop over a token that hardly lives', async () => {
    const browser = new Browser()
    browser.server.lifetime = 0.01
    const tab = await browser.open()
    await done(browser, tab.login('ann'))
    await browser.pass(10_000)
    assert.ok(tab.refreshes <= 10, `${tab.refreshes}`)
  })

  it('is quiet while hidden, and wakes when shown', async () => {
    const [browser, tab] = await signedIn()
    tab.hide()
    await browser.pass(2 * LIFE)
    assert.equal(tab.refreshes, 0)
    assert.equal(browser.timers.length, 0)
    tab.show()
    await browser.pass(100)
    assert.equal(tab.refreshes, 1)
  })

  for (const type of ['pageshow', 'online']) {
    it(`wakes on ${type}`, async () => {
      const [browser, tab] = await signedIn()
      browser.sleep(LIFE)
      tab.dispatch(type)
      await browser.pass(100)
      assert.equal(tab.refreshes, 1)
    })
  }

  it('wakes soon after sleep even without an event', async () => {
    const [browser, tab] = await signedIn()
    browser.sleep(LIFE)
    await browser.pass(2_100)
    assert.equal(tab.refreshes, 1)
  })
})

describe('rule 7: one refresh and one repeat', () => {
  it('repeats a request that was refused as invalid, body and all', async () => {
    const [browser, tab] = await signedIn()
    browser.server.revoked.add(await done(browser, tab.session.token()))
    const response = await done(browser, tab.session.fetch('/api', { method: 'POST', body: 'précieux' }))
    assert.deepEqual(await response.json(), { sub: 'ann', body: 'précieux' })
    assert.equal(tab.refreshes, 1)
  })

  it('repeats a body that is a stream', async () => {
    const [browser, tab] = await signedIn()
    browser.server.revoked.add(await done(browser, tab.session.token()))
    const body = new Blob(['pré', 'cieux']).stream()
    const response = await done(browser, tab.session.fetch('/api', { method: 'POST', body, duplex: 'half' }))
    assert.equal((await response.json()).body, 'précieux')
  })

  it('does not repeat what the caller has given up', async () => {
    const [browser, tab] = await signedIn()
    browser.server.revoked.add(await done(browser, tab.session.token()))
    const caller = new AbortController()
    browser.server.script = atRefresh(() => caller.abort())
    const { error } = await outcome(browser, tab.session.fetch('/api', { signal: caller.signal }))
    assert.equal(error.name, 'AbortError')
    assert.equal(tab.requests.filter(({ path, authorization }) => path === '/api' && authorization).length, 1)
  })

  it('repeats once only', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = ({ path }) =>
      path === '/api' ? challenge('stale_token', 'Bearer realm="x", error="invalid_token"') : undefined
    const response = await done(browser, tab.session.fetch('/api'))
    assert.equal(response.status, 401)
    assert.deepEqual(
      tab.requests.slice(1).map(({ path }) => path),
      ['/api', '/auth/refresh', '/api'],
    )
  })

  it('refreshes once for many requests that are refused together', async () => {
    const [browser, tab] = await signedIn()
    browser.server.revoked.add(await done(browser, tab.session.token()))
    let turn = 0
    browser.server.script = async ({ path, authorization }) =>
      path === '/api' && browser.server.revoked.has(authorization.slice(7))
        ? { response: challenge('invalid_token', 'Bearer error="invalid_token"'), latency: 5 * ++turn }
        : undefined
    const all = Array.from({ length: 10 }, () => tab.session.fetch('/api'))
    for (const response of await done(browser, Promise.all(all))) assert.equal(response.status, 200)
    assert.equal(tab.refreshes, 1)
  })

  it('is not content with a token that a sibling got before the refusal', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    browser.channelDelay = 50
    browser.server.revoked.add(await done(browser, first.session.token(), 0))
    await done(browser, first.session.fetch('/api'), 20)
    browser.server.revoked.add(await done(browser, first.session.token(), 0))
    browser.locks.add('https://app.example/auth/')
    assert.equal((await done(browser, second.session.fetch('/api'))).status, 200)
    assert.deepEqual([first.refreshes, second.refreshes], [1, 1])
  })

  for (const header of ['Bearer', 'Basic realm="shop"', 'Bearer error="insufficient_scope"', null]) {
    it(`passes a 401 with ${header} through`, async () => {
      const [browser, tab] = await signedIn()
      const answer = new Response('theirs', { status: 401, headers: header ? { 'WWW-Authenticate': header } : {} })
      browser.server.script = ({ path }) => (path === '/api' ? answer : undefined)
      const response = await done(browser, tab.session.fetch('/api'))
      assert.equal(response, answer)
      assert.equal(await response.text(), 'theirs')
      assert.equal(tab.requests.length, 2)
      assert.equal(tab.session.state, 'in')
    })
  }

  it('passes a 403 through', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = ({ path }) =>
      path === '/api' ? problem(403, 'forbidden', { 'WWW-Authenticate': 'Bearer error="invalid_token"' }) : undefined
    assert.equal((await done(browser, tab.session.fetch('/api'))).status, 403)
    assert.equal(tab.requests.length, 2)
  })

  it('says that a login is required, and does not refresh for it', async () => {
    const [browser, tab] = await signedIn()
    const header = 'Bearer error="insufficient_user_authentication", max_age="300"'
    browser.server.script = ({ path }) => (path === '/api' ? challenge('login_required', header) : undefined)
    const response = await done(browser, tab.session.fetch('/api'))
    assert.equal(response.headers.get('WWW-Authenticate'), header)
    assert.deepEqual(states(tab), ['login_required'])
    assert.equal(tab.seen.at(-1).reason, 'login_required')
    assert.equal(tab.refreshes, 0)
    await browser.pass(LIFE)
    assert.deepEqual(states(tab), ['login_required'])
    await done(browser, tab.login('ann'))
    assert.deepEqual(states(tab), ['in'])
  })

  it('has a brake on an API that refuses every token, and says why once', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = ({ path }) =>
      path === '/api' ? challenge('invalid_token', 'Bearer error="invalid_token"') : undefined
    const statuses = new Set()
    for (let call = 0; call < 80; call++) {
      statuses.add((await done(browser, tab.session.fetch('/api'), 100)).status)
    }
    assert.deepEqual([...statuses], [401])
    assert.ok(tab.refreshes >= 2 && tab.refreshes <= 4, `${tab.refreshes}`)
    assert.deepEqual(tab.said, ['session invalid_token'])
    for (let call = 0; call < 60; call++) await done(browser, tab.session.fetch('/api'), 10_000)
    const times = tab.requests.filter(({ path }) => path === '/auth/refresh').map(({ at }) => at)
    const last = times.at(-1) - times.at(-2)
    assert.ok(last >= 60_000 && last < 75_000, `${last}`)
    // And it forgets, once the API is well again.
    browser.server.script = () => undefined
    await browser.pass(LIFE)
    for (let refusal = 0; refusal < 2; refusal++) {
      browser.server.revoked.add(await done(browser, tab.session.token()))
      assert.equal((await done(browser, tab.session.fetch('/api'))).status, 200)
      await browser.pass(1_000)
    }
  })

  it('reads the code of a problem where no challenge can be read', async () => {
    for (const [code, refreshes] of [['invalid_token', 1], ['stale_token', 1], ['wrong_password', 0]]) {
      const [browser, tab] = await signedIn()
      const old = await done(browser, tab.session.token())
      browser.server.script = ({ authorization }) => (authorization === `Bearer ${old}` ? problem(401, code) : undefined)
      const response = await done(browser, tab.session.fetch('/api', { method: 'POST', body: 'once' }))
      assert.deepEqual([response.status, tab.refreshes], refreshes ? [200, 1] : [401, 0])
      assert.equal(tab.requests.filter(({ path }) => path === '/api').length, 1 + refreshes)
    }
  })

  it('takes no code for ours that is not in problem details, and waits for no body without an end', async () => {
    const endless = () => new Response(new ReadableStream(), { status: 401, headers: { 'Content-Type': 'application/json' } })
    for (const answer of [() => json(401, { code: 'invalid_token' }), endless]) {
      const [browser, tab] = await signedIn()
      browser.server.script = ({ path }) => (path === '/api' ? answer() : undefined)
      assert.equal((await done(browser, tab.session.fetch('/api'))).status, 401)
      assert.equal(tab.refreshes, 0)
    }
    const [browser, tab] = await signedIn()
    const headers = { 'Content-Type': 'application/problem+json' }
    browser.server.script = ({ path }) => (path === '/api' ? new Response('{', { status: 401, headers }) : undefined)
    assert.equal((await done(browser, tab.session.fetch('/api'))).status, 401)
  })

  it('says that a login is required by a code alone', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = ({ path }) => (path === '/api' ? problem(401, 'login_required') : undefined)
    const response = await done(browser, tab.session.fetch('/api'))
    assert.equal((await response.json()).code, 'login_required')
    assert.deepEqual([tab.session.state, tab.refreshes], ['login_required', 0])
  })

  it('repeats no POST for a 401 whose reason CORS hides, and refreshes for the next one', async () => {
    for (const [method, times] of [['GET', 2], ['HEAD', 2], ['POST', 1], ['DELETE', 1]]) {
      const [browser, tab] = await signedIn()
      const old = await done(browser, tab.session.token())
      browser.server.script = ({ authorization }) => {
        if (authorization !== `Bearer ${old}`) return
        return Object.defineProperty(new Response('', { status: 401 }), 'type', { value: 'cors' })
      }
      const response = await done(browser, tab.session.fetch('/api', { method }))
      assert.equal(response.status, times === 2 ? 200 : 401, method)
      assert.equal(tab.requests.filter(({ path }) => path === '/api').length, times, method)
      assert.equal(tab.refreshes, 1)
      assert.equal((await done(browser, tab.session.fetch('/api', { method }))).status, 200)
    }
  })

  it('is not moved by the challenge of another scheme', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = ({ path }) =>
      path === '/api' ? new Response('', { status: 401, headers: { 'WWW-Authenticate': 'DPoP error="invalid_token"' } }) : undefined
    assert.equal((await done(browser, tab.session.fetch('/api'))).status, 401)
    assert.equal(tab.refreshes, 0)
  })

  it('gives back the 401 when the refresh fails', async () => {
    const [browser, tab] = await signedIn()
    browser.server.revoked.add(await done(browser, tab.session.token()))
    browser.server.script = atRefresh(() => problem(503, 'temporarily_unavailable', { 'Retry-After': '5' }))
    assert.equal((await done(browser, tab.session.fetch('/api'))).status, 401)
    assert.equal(tab.session.state, 'offline')
  })

  for (const [moment, slow] of [['the refusal', '/api'], ['the refresh', '/auth/refresh']]) {
    it(`does not repeat as a user who logged in before the end of ${moment}`, async () => {
      const [browser, tab] = await signedIn()
      const ann = await done(browser, tab.session.token())
      browser.server.script = ({ path, authorization }) => {
        const latency = path === slow ? 100 : 5
        if (authorization === `Bearer ${ann}`) {
          return { response: challenge('invalid_token', 'Bearer error="invalid_token"'), latency }
        }
        if (path === slow) return { response: json(200, {}), latency }
      }
      const asked = tab.session.fetch('/api')
      await browser.pass(20)
      await done(browser, tab.login('bob'), 20)
      assert.equal((await done(browser, asked)).status, 401)
      assert.equal(user(tab), 'bob')
      assert.equal(tab.requests.filter(({ path }) => path === '/api').length, 1)
    })
  }
})

describe('rule 8: an outage is not a logout', () => {
  const outages = {
    '503': () => problem(503, 'temporarily_unavailable'),
    '500': () => problem(500, 'internal_error'),
    '403': () => problem(403, 'cross_origin'),
    '401 of a proxy': () => new Response('<html>', { status: 401 }),
    '200 of a captive portal': () => new Response('<html>'),
    '200 without a token': () => json(200, null),
    '200 with a token of another kind': () => json(200, { access_token: 'opaque', expires_in: 900 }),
    '200 with a token without claims': () => json(200, { access_token: '.bnVsbA.', expires_in: 900 }),
    'no network': down,
    'a lost answer': () => ({ response: json(200, {}), lost: true }),
    'no answer in 10 s': () => ({ response: json(200, {}), latency: 1e9 }),
  }
  for (const [name, answer] of Object.entries(outages)) {
    it(`stays signed in over ${name}, and comes back`, async () => {
      const [browser, tab] = await signedIn()
      browser.server.script = atRefresh(answer)
      await browser.pass(LIFE + 11_000)
      assert.equal(tab.session.state, 'offline')
      assert.equal(user(tab), 'ann')
      assert.ok(browser.marker)
      assert.equal(await code(browser, tab.session.token(), 61_000), 'offline')
      assert.equal(await code(browser, tab.session.fetch('/api'), 61_000), 'offline')
      assert.equal(tab.requests.filter(({ path }) => path === '/api').length, 0)
      browser.server.script = () => undefined
      await browser.pass(124_000)
      assert.equal(tab.session.state, 'in')
      await done(browser, tab.session.token())
    })
  }

  it('is offline, not out, when the first answer is an outage', async () => {
    const [browser, first] = await signedIn()
    first.close()
    browser.server.script = atRefresh(down)
    const tab = await browser.open()
    await browser.pass(100)
    assert.deepEqual([tab.session.state, tab.session.claims], ['offline', null])
  })

  it('serves the token while it is valid', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = atRefresh(down)
    await browser.pass(LIFE - 5_000)
    assert.equal(tab.session.state, 'offline')
    assert.equal((await done(browser, tab.session.fetch('/api'))).status, 200)
  })

  it('honours Retry-After, whoever asks', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = atRefresh(() => problem(503, 'temporarily_unavailable', { 'Retry-After': '50' }))
    browser.sleep(LIFE)
    await browser.pass(2_100)
    assert.equal(tab.refreshes, 1)
    await browser.pass(20_000)
    assert.equal(await code(browser, tab.session.token()), 'offline')
    tab.dispatch('online')
    tab.show()
    await browser.pass(29_000)
    assert.equal(tab.refreshes, 1)
    await browser.pass(20_000)
    assert.ok(tab.refreshes > 1)
  })

  it('waits a minute at most, and reads a date', async () => {
    const at = seconds => new Date(1_700_000_000_000 + 1_000_000 + LIFE + 2_000 + seconds * 1000).toUTCString()
    for (const [value, least, most] of [['3600', 60_000, 123_000], [at(40), 35_000, 46_000]]) {
      const [browser, tab] = await signedIn()
      browser.server.script = atRefresh(() => problem(503, 'temporarily_unavailable', { 'Retry-After': value }))
      browser.sleep(LIFE)
      await browser.pass(200_000)
      const [first, second] = tab.requests.filter(({ path }) => path === '/auth/refresh').map(({ at }) => at)
      assert.ok(second - first >= least && second - first <= most, `${value}: ${second - first}`)
    }
  })

  it('says once what is wrong with the routes, and where it asked', async () => {
    for (const [status, code] of [[403, 'cross_origin'], [404, undefined], [405, 'method_not_allowed']]) {
      const [browser, tab] = await signedIn()
      browser.server.script = atRefresh(() => problem(status, code))
      await browser.pass(2 * LIFE)
      assert.deepEqual(tab.said, [`session https://app.example/auth/refresh ${status} ${code ?? ''}`])
      assert.equal(tab.session.state, 'offline')
    }
    const [browser, tab] = await signedIn()
    browser.server.script = atRefresh(() => problem(503, 'temporarily_unavailable'))
    await browser.pass(2 * LIFE)
    assert.deepEqual(tab.said, [])
  })

  it('backs off further and further, at different times in different tabs', async () => {
    const times = new Set()
    for (let run = 0; run < 5; run++) {
      const [browser, tab] = await signedIn()
      browser.server.script = atRefresh(down)
      browser.sleep(LIFE)
      await browser.pass(600_000)
      const asked = tab.requests.filter(({ path }) => path === '/auth/refresh').map(({ at }) => at)
      assert.ok(asked.length >= 10 && asked.length < 60, `${asked.length}`)
      const waits = asked.slice(1).map((at, index) => at - asked[index])
      assert.ok(Math.max(...waits.slice(-5)) > Math.max(...waits.slice(0, 3)))
      times.add(asked[1] - asked[0])
    }
    assert.ok(times.size > 1)
  })

  it('tries at once when the network is back', async () => {
    const [browser, first] = await signedIn()
    first.close()
    // By itself it would ask about 63 and 118 seconds after the first failure.
    const math = Object.assign(Object.create(Math), { random: () => 0.9 })
    const tab = await browser.open(undefined, { globals: { Math: math } })
    await browser.pass(100)
    browser.server.script = atRefresh(down)
    browser.sleep(LIFE)
    await browser.pass(100_000)
    assert.equal(tab.session.state, 'offline')
    browser.server.script = () => undefined
    await browser.pass(1_000)
    tab.dispatch('online')
    await browser.pass(100)
    assert.equal(tab.session.state, 'in')
  })

  it('refreshes again after a lost answer', async () => {
    const [browser, tab] = await signedIn()
    let first = true
    browser.server.script = async request => {
      if (request.path !== '/auth/refresh' || !first) return
      first = false
      return { response: new Response(), lost: true }
    }
    await browser.pass(LIFE)
    assert.deepEqual([tab.session.state, tab.refreshes], ['in', 2])
  })
})

describe('rule 9: what ends a session', () => {
  it('ends on session_ended, in all tabs, and removes the marker', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    browser.server.over.add(sidOf(browser.marker))
    second.hide()
    await browser.pass(LIFE)
    assert.deepEqual(states(first, second), ['out', 'out'])
    assert.deepEqual(first.seen.at(-1).reason, 'session_ended')
    assert.deepEqual(second.seen.at(-1).reason, 'session_ended')
    assert.equal(browser.marker, null)
    const before = browser.server.requests.length
    const next = await browser.open()
    await browser.pass(1_000)
    assert.equal(next.session.state, 'out')
    assert.equal(browser.server.requests.length, before)
  })

  it('is out on session_unknown, keeps the marker, and asks once more by itself', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = atRefresh(() => challenge('session_unknown', 'Bearer realm="app"'))
    browser.sleep(LIFE)
    await browser.pass(2_100)
    assert.deepEqual([tab.session.state, tab.seen.at(-1).reason, tab.refreshes], ['out', 'session_unknown', 1])
    assert.ok(browser.marker)
    browser.server.script = () => undefined
    await browser.pass(2_500)
    assert.equal(tab.refreshes, 1)
    await browser.pass(5_000)
    assert.deepEqual([tab.session.state, user(tab), tab.refreshes], ['in', 'ann', 2])
  })

  it('asks once more once a page, and at the next load', async () => {
    const [browser, first] = await signedIn()
    browser.server.script = atRefresh(() => challenge('session_unknown', 'Bearer realm="app"'))
    await browser.pass(2 * LIFE)
    assert.equal(first.session.state, 'out')
    assert.equal(first.refreshes, 2)
    browser.server.script = () => undefined
    const next = await browser.open()
    await browser.pass(100)
    assert.deepEqual(states(next, first), ['in', 'in'])
  })

  it('does not end the session that began meanwhile', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = atRefresh(() => ({ response: challenge('session_ended', 'Bearer'), latency: 100 }))
    browser.sleep(LIFE)
    const asked = tab.session.token().catch(error => error.code)
    await browser.pass(60)
    assert.equal(tab.refreshes, 1)
    const login = tab.window.fetch('/login', { method: 'POST', body: 'bob' })
    await browser.pass(20)
    await login
    browser.server.script = () => undefined
    await browser.pass(300)
    assert.ok(browser.marker)
    assert.deepEqual([tab.session.state, user(tab)], ['in', 'bob'])
    assert.equal(await asked, 'other_session')
  })

  it('does not ask once more where the marker cannot be read', async () => {
    const [browser] = await signedIn()
    const tab = await browser.open({ base: 'https://app.example/auth', marker: false }, { origin: 'https://pages.example' })
    await browser.pass(100)
    assert.equal(user(tab), 'ann')
    browser.server.script = atRefresh(() => challenge('session_unknown', 'Bearer realm="app"'))
    await browser.pass(2 * LIFE)
    assert.deepEqual([tab.session.state, tab.refreshes], ['out', 2])
  })

  it('is not ended by a 503 that says so', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = atRefresh(() => problem(503, 'session_ended'))
    await browser.pass(LIFE)
    assert.equal(tab.session.state, 'offline')
    assert.ok(browser.marker)
  })

  it('is not ended by a 401 of a handler', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = ({ path }) => (path === '/api' ? challenge('session_ended', 'Bearer') : undefined)
    assert.equal((await done(browser, tab.session.fetch('/api'))).status, 401)
    assert.equal(tab.session.state, 'in')
  })
})

describe('rule 10: a token counts only beside its marker', () => {
  it('does not revive the session by an answer after logout', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = atRefresh(async ({ tab, cookies }) => ({
      response: json(200, browser.server.tokenResponse('ann', sidOf(cookies.get(MARKER)))),
      latency: 100,
    }))
    browser.sleep(LIFE)
    const asked = tab.session.token().catch(error => error.code)
    await browser.pass(60)
    browser.jar.delete(MARKER)
    await browser.pass(200)
    assert.equal(await asked, 'out')
    assert.deepEqual([tab.session.state, tab.session.claims], ['out', null])
  })

  it('does not swap users by an answer after another login', async () => {
    const [browser, tab] = await signedIn()
    let first = true
    browser.server.script = atRefresh(async ({ cookies }) => {
      if (!first) return
      first = false
      return { response: json(200, browser.server.tokenResponse('ann', sidOf(cookies.get(MARKER)))), latency: 300 }
    })
    browser.sleep(LIFE)
    const asked = tab.session.token().catch(error => error.code)
    await browser.pass(60)
    await done(browser, tab.login('bob'), 100)
    assert.equal(user(tab), 'bob')
    await browser.pass(1_000)
    assert.equal(user(tab), 'bob')
    assert.equal(await asked, 'other_session')
  })

  it('takes no token whose session ends while the marker is being hashed', async () => {
    const [browser, tab] = await signedIn()
    browser.sleep(LIFE)
    const asked = tab.session.token().catch(error => error.code)
    browser.digesting = () => browser.jar.delete(MARKER)
    await browser.pass(200)
    assert.equal(await asked, 'out')
    assert.deepEqual(
      tab.seen.map(({ state, reason }) => [state, reason]),
      [['in', 'login'], ['out', 'logout']],
    )
  })

  it('takes no token of another session from a sibling', async () => {
    const [browser, first] = await signedIn()
    const foreign = browser.server.tokenResponse('eve', sidOf('another marker'))
    first.channels[0].onmessage({ data: { ...foreign, age: 0, wall: first.window.Date.now() } })
    await browser.pass(100)
    assert.equal(user(first), 'ann')
  })

  it('rejects an adoption that another login overtook', async () => {
    const [browser, tab] = await signedIn()
    const stale = browser.server.tokenResponse('ann', sidOf('an older marker'))
    assert.equal(await code(browser, tab.session.adopt(stale)), 'other_session')
    assert.equal(user(tab), 'ann')
  })

  it('compares the whole sid', async () => {
    const [browser, tab] = await signedIn()
    const [own, other] = [sidOf(browser.marker), sidOf('another')]
    for (const sid of [own.slice(0, 8) + other.slice(8), other.slice(0, 8) + own.slice(8), '', '*', undefined]) {
      assert.equal(await code(browser, tab.session.adopt(browser.server.tokenResponse('eve', sid))), 'other_session')
    }
    assert.equal(user(tab), 'ann')
  })

  it('takes no digest for a match that did not come about', async () => {
    for (const subtle of [undefined, { digest: async () => Promise.reject(new Error('OperationError')) }]) {
      const [browser] = await signedIn()
      const tab = await browser.open(undefined, { globals: { crypto: { subtle } } })
      await browser.pass(1_000)
      assert.equal(tab.session.claims, null)
      const answer = browser.server.tokenResponse('ann', sidOf(browser.marker))
      assert.equal(await code(browser, tab.session.adopt(answer)), 'other_session')
    }
  })

  it('does not take back a session that ended, with its marker', async () => {
    const [browser, tab] = await signedIn()
    const { marker } = browser
    const late = browser.server.tokenResponse('ann', sidOf(marker))
    await done(browser, tab.session.logout())
    browser.setCookie(`${MARKER}=${marker}; Path=/; Secure`)
    assert.equal(await code(browser, tab.session.adopt(late)), 'other_session')
    assert.equal(tab.session.claims, null)
  })

  it('ignores what no tab of ours would send', async () => {
    const [browser, tab] = await signedIn()
    const { tokenResponse } = browser.server
    const own = sidOf(browser.marker)
    const forged = name => ({ ...tokenResponse.call(browser.server, name, own) })
    for (const data of [null, undefined, 7, {}, { access_token: 7 }, { ...forged('eve'), expires_in: 'x' }, { ...forged('eve'), expires_in: NaN }]) {
      tab.channels[0].onmessage({ data })
    }
    await browser.pass(10)
    assert.equal(user(tab), 'ann')
    // A token from the future is as old as one that was just received, and is refreshed as that is.
    tab.channels[0].onmessage({ data: { ...forged('ann'), age: -1e15, wall: 9e15 } })
    await browser.pass(LIFE)
    assert.equal(tab.session.state, 'in')
    assert.equal(tab.refreshes, 1)
    assert.deepEqual(tab.errors, [])
  })

  it('has a channel for each program on the origin', async () => {
    const [browser, first] = await signedIn()
    const other = await browser.open({ base: '/admin/auth', cookie: '__Host-admin' })
    other.hide()
    await browser.pass(10)
    assert.notEqual(first.channels[0].name, other.channels[0].name)
    assert.equal(other.session.claims, null)
  })

  it('follows a login in another tab, in state, claims and token', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    await done(browser, second.login('bob'))
    assert.deepEqual([user(first), user(second)], ['bob', 'bob'])
    assert.equal(first.refreshes, 0)
    assert.equal(payloadOf(await done(browser, first.session.token())).sub, 'bob')
  })

  it('sends no token of a session that is over, even before it is told', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    browser.channelDelay = 500
    await done(browser, second.login('bob'), 20)
    assert.equal(user(first), 'ann')
    const response = await done(browser, first.session.fetch('/api'), 1_000)
    assert.equal((await response.json()).sub, 'bob')
    assert.equal(user(first), 'bob')
  })

  it('does not send as bob what was asked for as ann', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    browser.sleep(LIFE)
    browser.server.latency = 50
    const asked = first.session.fetch('/api', { method: 'POST', body: 'pay' }).catch(error => error.code)
    await done(browser, second.login('bob'), 70)
    assert.equal(await asked, 'other_session')
    assert.equal(first.requests.filter(({ path }) => path === '/api').length, 0)
  })

  it('keeps the newer of two tokens, whichever arrives first', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    const old = await done(browser, second.session.token())
    browser.channelDelay = kind => (kind.includes('"age"') ? 50 : 1)
    browser.server.revoked.add(old)
    const third = await browser.open()
    await browser.pass(5)
    await done(browser, first.session.fetch('/api'), 20)
    await browser.pass(200)
    const tokens = await done(browser, Promise.all([first, second, third].map(tab => tab.session.token())))
    assert.equal(new Set(tokens).size, 1)
    assert.notEqual(tokens[0], old)
  })

  it('compares sid where the marker cannot be read', async () => {
    const browser = new Browser()
    const options = { base: 'https://app.example/auth', marker: false, origins: ['https://app.example'] }
    const page = { origin: 'https://pages.example', globals: {} }
    const first = await browser.open(options, page)
    const second = await browser.open(options, page)
    await browser.pass(100)
    const login = name => first.login(name, (path, init) => first.window.fetch(`https://app.example${path}`, init))
    await done(browser, login('ann'))
    assert.deepEqual([user(first), user(second)], ['ann', 'ann'])
    const ann = browser.server.tokenResponse('ann', sidOf(browser.marker))
    await done(browser, login('bob'))
    assert.deepEqual([user(first), user(second)], ['bob', 'bob'])
    assert.equal(await code(browser, first.session.adopt(ann)), 'other_session')
    second.channels[0].onmessage({ data: ann })
    await browser.pass(10)
    assert.deepEqual([user(first), user(second)], ['bob', 'bob'])
    await done(browser, second.session.logout())
    assert.deepEqual(states(first, second), ['out', 'out'])
    assert.equal(browser.marker, null)
  })
})

describe('rule 11: the back/forward cache', () => {
  it('is out before anything paints when the marker is gone', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    first.freeze()
    await done(browser, second.session.logout())
    first.thaw()
    assert.deepEqual([first.session.state, first.session.claims], ['out', null])
  })

  it('does not show the former user before the next is known', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    first.freeze()
    await done(browser, second.login('bob'))
    first.thaw()
    assert.deepEqual([first.session.state, first.session.claims], ['unknown', null])
    await browser.pass(100)
    assert.equal(user(first), 'bob')
  })

  it('shows the same session at once', async () => {
    const [browser, tab] = await signedIn()
    tab.freeze()
    await browser.pass(1_000)
    tab.thaw()
    assert.deepEqual([tab.session.state, user(tab)], ['in', 'ann'])
  })

  it('asks again where the marker cannot be read', async () => {
    const browser = new Browser()
    const options = { base: 'https://app.example/auth', marker: false }
    const other = await browser.open()
    await done(browser, other.login('ann'))
    const tab = await browser.open(options, { origin: 'https://pages.example' })
    await browser.pass(100)
    assert.equal(user(tab), 'ann')
    for (const next of ['ann', 'bob']) {
      tab.freeze()
      if (next === 'bob') await done(browser, other.login('bob'))
      tab.thaw()
      assert.deepEqual([tab.session.state, tab.session.claims], ['unknown', null])
      await browser.pass(100)
      assert.equal(user(tab), next)
    }
  })
})

describe('rule 12: who gets the token', () => {
  it('attaches it to the own and to listed origins only', async () => {
    const [browser, first] = await signedIn()
    first.close()
    const tab = await browser.open({ origins: ['https://api.example/'] })
    await browser.pass(100)
    const urls = {
      '/api': true,
      'https://app.example/api': true,
      'https://api.example/x': true,
      'https://evil.example/': false,
      'http://app.example/': false,
      'https://app.example:8443/': false,
      'https://app.example.evil.example/': false,
    }
    for (const [url, attached] of Object.entries(urls)) {
      await done(browser, tab.session.fetch(url))
      assert.equal(tab.requests.at(-1).authorization !== null, attached, url)
    }
  })

  it('does not refresh on the 401 of a foreign origin', async () => {
    const [browser, tab] = await signedIn()
    browser.server.script = ({ request }) =>
      request.url.startsWith('https://evil') ? challenge('x', 'Bearer error="invalid_token"') : undefined
    assert.equal((await done(browser, tab.session.fetch('https://evil.example/'))).status, 401)
    assert.equal(tab.refreshes, 0)
  })

  it('sends it in one header, with the credentials that the caller asked for', async () => {
    const [browser, tab] = await signedIn()
    const token = await done(browser, tab.session.token())
    let seen
    browser.server.script = ({ request }) => void (seen = request)
    await done(browser, tab.session.fetch('/api?q=1'))
    assert.deepEqual([...seen.headers].filter(([, value]) => value.includes(token)), [['authorization', `Bearer ${token}`]])
    assert.ok(!seen.url.includes(token) && ![...seen.headers.values()].join().includes(browser.marker))
    assert.equal(seen.credentials, 'same-origin')
    await done(browser, tab.session.fetch('/api', { credentials: 'omit' }))
    assert.equal(seen.credentials, 'omit')
  })

  it('leaves an Authorization of the caller alone', async () => {
    const [browser, tab] = await signedIn()
    const headers = { Authorization: `Bearer ${browser.server.token('bot', 'x')}` }
    const response = await done(browser, tab.session.fetch('/api', { headers }))
    assert.equal((await response.json()).sub, 'bot')
  })
})

describe('rule 13: logout', () => {
  it('removes the marker first, signs out all tabs, then tells the server', async () => {
    const [browser, first, second, third] = await signedIn('ann', 3)
    third.hide()
    const leaving = first.session.logout()
    assert.equal(browser.marker, null)
    assert.deepEqual(first.written, [`${MARKER}=; Path=/; Secure; SameSite=Strict; Max-Age=0`])
    assert.equal(first.session.state, 'out')
    await browser.pass(2)
    assert.deepEqual(states(second, third), ['out', 'out'])
    await done(browser, leaving)
    const { path, method, keepalive, marker } = first.requests.at(-1)
    assert.deepEqual({ path, method, keepalive, marker }, { path: '/auth/logout', method: 'POST', keepalive: true, marker: null })
    assert.equal(browser.jar.size, 0)
  })

  it('aborts a refresh in flight', async () => {
    const [browser, tab] = await signedIn()
    let signal
    browser.server.script = atRefresh(({ request }) => {
      signal = request.signal
      return { response: json(200, browser.server.tokenResponse('ann', sidOf(browser.marker))), latency: 500 }
    })
    browser.sleep(LIFE)
    const asked = tab.session.token().catch(error => error.code)
    await browser.pass(60)
    assert.equal(signal.aborted, false)
    const leaving = tab.session.logout()
    assert.equal(signal.aborted, true)
    await done(browser, leaving)
    assert.equal(await asked, 'out')
    await browser.pass(1_000)
    assert.equal(tab.session.state, 'out')
  })

  it('works offline', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    browser.server.script = down
    await done(browser, first.session.logout())
    assert.deepEqual(states(first, second), ['out', 'out'])
    const next = await browser.open()
    await browser.pass(100)
    assert.equal(next.session.state, 'out')
    assert.equal(next.requests.length, 0)
  })

  it('says so when the server is not reached and the marker cannot be removed', async () => {
    const [browser] = await signedIn()
    const options = { base: 'https://app.example/auth', marker: false }
    const tab = await browser.open(options, { origin: 'https://pages.example' })
    await browser.pass(100)
    browser.server.script = down
    assert.equal(await code(browser, tab.session.logout()), 'offline')
    assert.equal(tab.session.state, 'out')
  })

  it('is noticed without a message, when the server removed the marker', async () => {
    const [browser, tab] = await signedIn()
    browser.jar.delete(MARKER)
    await browser.pass(2_100)
    assert.equal(tab.session.state, 'out')
  })
})

describe('rule 14: cookies that were not stored', () => {
  it('are an error', async () => {
    const browser = new Browser()
    browser.blocksCookies = true
    const tab = await browser.open()
    assert.equal(await code(browser, tab.login('ann')), 'cookies_blocked')
    assert.equal(tab.session.state, 'out')
    assert.deepEqual(tab.seen, [])
  })
})

describe('rule 15: dispose', () => {
  it('ends timers, listeners, channels and requests, and leaves no lock', async () => {
    const [browser, tab] = await signedIn()
    let signal
    browser.server.script = atRefresh(({ request }) => {
      signal = request.signal
      return { response: json(200, {}), latency: 9_000 }
    })
    await browser.pass(LIFE - 23_500)
    assert.equal(browser.locks.size, 1)
    tab.session.dispose()
    await browser.pass(0)
    assert.equal(signal.aborted, true)
    assert.equal(browser.locks.size, 0)
    assert.deepEqual(browser.timers.filter(timer => timer.tab === tab), [])
    assert.deepEqual(tab.listeners, [])
    assert.ok(tab.channels.every(channel => channel.isClosed))
    assert.equal(await code(browser, tab.session.token()), 'disposed')
    assert.equal(await code(browser, tab.session.adopt(browser.server.tokenResponse('ann', sidOf(browser.marker)))), 'disposed')
    assert.ok(browser.marker)
  })

  it('ends the timer of a page that does nothing', async () => {
    const [browser, tab] = await signedIn()
    const timers = () => browser.timers.filter(timer => timer.tab === tab).length
    assert.equal(timers(), 1)
    tab.session.dispose()
    assert.equal(timers(), 0)
  })

  it('ends a wait for siblings', async () => {
    const [browser, first] = await signedIn()
    first.freeze()
    const tab = await browser.open()
    tab.session.dispose()
    await browser.pass(1_000)
    assert.equal(tab.requests.length, 0)
    assert.deepEqual(browser.timers.filter(timer => timer.tab === tab), [])
  })

  it('leaves the globals as they were', async () => {
    const [browser, tab] = await signedIn()
    await browser.pass(LIFE)
    assert.deepEqual(Object.getOwnPropertyDescriptors(tab.window), tab.untouched)
    tab.session.dispose()
    assert.deepEqual(Object.getOwnPropertyDescriptors(tab.window), tab.untouched)
  })

  it('holds no lock while idle', async () => {
    const [browser] = await signedIn('ann', 3)
    await browser.pass(LIFE)
    assert.equal(browser.locks.size, 0)
  })
})

describe('the interface', () => {
  it('adopts the response of a login, and hands back the one of a refused login', async () => {
    const browser = new Browser()
    const tab = await browser.open()
    const refused = problem(401, 'wrong_password')
    assert.equal(await done(browser, tab.session.adopt(refused)), refused)
    assert.equal((await refused.json()).code, 'wrong_password')
    assert.equal(tab.session.state, 'out')
    const unreadable = new Response('<html>', { status: 502 })
    assert.equal(await done(browser, tab.session.adopt(unreadable)), unreadable)
    const body = { status: 401, code: 'wrong_password' }
    assert.equal(await done(browser, tab.session.adopt(body)), body)
    const response = await done(browser, tab.window.fetch('/login', { method: 'POST', body: 'ann' }))
    assert.equal(await done(browser, tab.session.adopt(response)), response)
    assert.deepEqual([tab.session.state, user(tab)], ['in', 'ann'])
    assert.equal((await response.json()).token_type, 'Bearer')
    // Whoever is signed in stays so, whatever somebody typed.
    await done(browser, tab.session.adopt(problem(401, 'wrong_password')))
    assert.equal(user(tab), 'ann')
  })

  it('drops a claim that would be the prototype', async () => {
    const browser = new Browser()
    const tab = await browser.open()
    browser.setCookie(`${MARKER}=x; Path=/; Secure`)
    const encode = text => Buffer.from(text).toString('base64url')
    const payload = `{"sub":"ann","sid":"${sidOf('x')}","iat":1,"exp":901,"__proto__":{"admin":true}}`
    await done(browser, tab.session.adopt({ access_token: `e30.${encode(payload)}.e30` }))
    assert.deepEqual(Object.getOwnPropertyNames(tab.session.claims), ['sub'])
    assert.equal(tab.session.claims.admin, undefined)
  })

  it('arms no timer for a token without a life', async () => {
    const browser = new Browser()
    const tab = await browser.open()
    browser.setCookie(`${MARKER}=x; Path=/; Secure`)
    const { access_token } = browser.server.tokenResponse('ann', sidOf('x'))
    for (const expires_in of [NaN, 'x', {}, -1, 0]) {
      assert.equal(await code(browser, tab.session.adopt({ access_token, expires_in }), 1), 'other_session')
    }
    assert.equal(tab.session.claims, null)
  })
  it('gives the claims as the application knows them', async () => {
    const [, tab] = await signedIn()
    assert.deepEqual(claims(tab), { sub: 'ann', name: 'ann Ünïcödé 🦀' })
  })

  it('gives one snapshot object until something changes', async () => {
    const [browser, tab] = await signedIn()
    const before = tab.session.snapshot()
    await browser.pass(60_000)
    await browser.open()
    await browser.pass(100)
    assert.equal(tab.session.snapshot(), before)
    assert.deepEqual(
      tab.seen.map(({ state, reason }) => [state, reason]),
      [['in', 'login']],
    )
  })

  it('survives a subscriber that throws, and forgets one that left', async () => {
    const browser = new Browser()
    const tab = await browser.open()
    const failure = new Error('theirs')
    tab.session.subscribe(() => {
      throw failure
    })
    let calls = 0
    const stop = tab.session.subscribe(() => calls++)
    await done(browser, tab.login('ann'))
    assert.equal(calls, 1)
    assert.equal(tab.errors[0], failure)
    stop()
    await done(browser, tab.session.logout())
    assert.equal(calls, 1)
  })

  it('lets a subscriber log out in the middle of a change', async () => {
    const [browser, first, second] = await signedIn('ann', 2)
    first.session.subscribe(({ reason }) => reason === 'login' && first.session.logout())
    await done(browser, second.login('bob'))
    assert.deepEqual(states(first, second), ['out', 'out'])
    assert.equal(first.refreshes, 0)
  })

  it('sends a plain request while there is no session', async () => {
    const browser = new Browser()
    const tab = await browser.open()
    assert.equal((await done(browser, tab.session.fetch('/api'))).status, 401)
    assert.equal(tab.requests.length, 1)
    assert.equal(tab.requests[0].authorization, null)
  })

  it('finds the session again after a reload', async () => {
    const [browser, first] = await signedIn()
    first.close()
    const tab = await browser.open()
    assert.equal(tab.session.state, 'unknown')
    await done(browser, tab.session.token())
    assert.deepEqual([tab.session.state, user(tab), tab.refreshes], ['in', 'ann', 1])
  })

  it('takes base and marker from options', async () => {
    const [browser] = await signedIn()
    browser.tabs[0].freeze()
    for (const base of ['/auth', '/auth/', 'https://app.example/auth']) {
      const tab = await browser.open({ base, cookie: MARKER })
      await browser.pass(100)
      assert.equal(tab.session.state, 'in')
      tab.close()
    }
  })

  it('says what is missing where nobody wrote the cookie in', async () => {
    const browser = new Browser()
    const missing = { name: 'SessionError', code: 'configuration' }
    await assert.rejects(browser.open({ base: '/auth' }, { served: false }), missing)
    await assert.rejects(browser.open({ base: '/auth', cookie: 'my-app' }, { served: false }), missing)
    await browser.open({ base: '/auth', cookie: MARKER }, { served: false })
    const page = { origin: 'https://pages.example', served: false }
    await assert.rejects(browser.open({ marker: false }, page), missing)
    await browser.open({ base: '/auth', marker: false }, page)
  })

  it('counts exp - iat when the answer has no expires_in', async () => {
    const browser = new Browser()
    const tab = await browser.open()
    browser.setCookie(`${MARKER}=x; Path=/; Secure`)
    const { access_token } = browser.server.tokenResponse('ann', sidOf('x'))
    await done(browser, tab.session.adopt({ access_token }))
    await browser.pass(LIFE - 31_000)
    assert.deepEqual([tab.session.state, tab.refreshes], ['in', 0])
  })
})
