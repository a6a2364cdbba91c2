// Takes each rule out of the source in several ways, and expects the rule's group of tests to fail every time.

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'

const here = path => fileURLToPath(new URL(path, import.meta.url))
const source = readFileSync(here('../src/session.ts'), 'utf8')

/** Rule, what is taken out, the text that does it, and what stands in its place. */
const mutations = [
  [1, 'token in storage', 'token = next\n', "token = next\n    localStorage.setItem('token', next!.value)\n"],
  [1, 'token in a cookie', 'token = next\n', "token = next\n    document.cookie = 'token=' + next?.value + '; Path=/'\n"],
  [1, 'token on the session', '    token: getToken,\n', '    token: getToken,\n    get value() { return token?.value },\n'],
  [1, 'token on the console', "say(error)", 'say(refused)'],
  [1, 'token on the channel at logout', '    tell({ reason, over })\n', '    tell({ reason, over, access_token: over! })\n    siblings.postMessage({ token: payloadOf })\n'],
  [1, 'token in the snapshot', '{ state, claims, reason } as Snapshot', '{ state, claims, reason, token } as Snapshot'],
  [2, 'anonymous pages ask', 'settle(marker, !!marker,', 'settle(marker, true,'],
  [2, 'nobody asks without a marker', 'let alive = !readable', 'let alive = false'],
  [2, 'asks after the end', 'settle(readable ? readMarker() : null, false,', 'settle(readable ? readMarker() : null, true,'],
  [3, 'one in flight', '!alive || pending ||', '!alive ||'],
  [3, 'lock waits', '{ ifAvailable: true }', '{}'],
  [3, 'no lock is waited for', '!(await isSpared(SIBLING_REFRESHES))', 'true'],
  [3, 'waits longer', 'SIBLING_REFRESHES = 3_000', 'SIBLING_REFRESHES = 30_000'],
  [3, 'needs locks that work', 'lock().catch(askOnce)', 'await lock()'],
  [3, 'waits for the lock manager', '    lock().catch(askOnce)\n    if (!(await isSpared(SIBLING_REFRESHES))) askOnce()\n', '    await lock().catch(askOnce)\n'],
  [3, 'patience does not grow', 'SERVER_ANSWERS * 2 ** failures', 'SERVER_ANSWERS'],
  [3, 'patience without end', 'Math.min(MOST_WAIT, SERVER_ANSWERS * 2 ** failures)', 'SERVER_ANSWERS * 2 ** failures'],
  [3, 'a logout without end', '      setTimeout(() => controller.abort(), SERVER_ANSWERS)\n', ''],
  [3, 'the caller waits', 'Promise.race([send(request), aborted])', 'send(request)'],
  [3, 'a caller who gave up before waits', '    request.signal.throwIfAborted()\n', ''],
  [4, 'siblings not asked', 'if (await isSpared(SIBLINGS_ANSWER)) return', ''],
  [4, 'waits longer', 'SIBLINGS_ANSWER = 40', 'SIBLINGS_ANSWER = 400'],
  [4, 'siblings do not answer', 'if (ask && left()) share()', ''],
  [4, 'a shared token is new', ', age: age(), wall: token.wall })', ' })'],
  [5, 'no wall clock', ', Date.now() - it.wall)', ')'],
  [5, 'no monotonic clock', 'Math.max(performance.now() - it.steady, ', 'Math.max('],
  [5, 'exp against the clock', '(answer.expires_in ?? (exp as number) - (iat as number)) * 1000', '(exp as number) * 1000 - Date.now()'],
  [5, 'a sibling hides the age', 'age: age(), wall:', 'wall:'],
  [5, 'a sibling hides the wall clock', ', wall: token.wall })', ' })'],
  [6, 'far ahead of a long life', 'Math.min(30_000, life / 5)', '(life / 5)'],
  [6, 'far ahead of a short life', 'Math.min(30_000, life / 5)', '30_000'],
  [6, 'no jitter', ' * (1 - Math.random() / 5)', ''],
  [6, 'while hidden', ' || document.hidden) return', ') return'],
  [6, 'no pageshow', "'pageshow', ", ''],
  [6, 'no online', "'online', ", ''],
  [6, 'no visibilitychange', ", 'visibilitychange'", ''],
  [6, 'no look at the clock', 'Math.min(LOOK_EVERY, untilRefresh() + 1)', 'untilRefresh() + 1'],
  [6, 'a loop over a short life', 'Math.max(left() - token.lead, LEAST_WAIT - age())', '(left() - token.lead)'],
  [7, 'no repeat', 'sendAs(another, request) : response', 'response : response'],
  [7, 'two repeats', 'sendAs(another, request) :', 'sendAs(another, request.clone()).then(again => again.ok ? again : sendAs(another, request)) :'],
  [7, 'no body to repeat', 'sendAs(value, request.clone())', 'sendAs(value, request)'],
  [7, 'any 401', 'if (!/^(invalid_token|stale_token|cors)$/.test(error)) return null', ''],
  [7, 'no code', '(await response.clone().json().catch(() => 0)).code', 'undefined'],
  [7, 'a code of somebody else', "/problem/.test(headers.get('Content-Type')!)", 'true'],
  [7, 'no code of a login', '|login_required)$/', ')$/'],
  [7, 'nothing behind CORS', '|cors)$/', ')$/'],
  [7, 'any method behind CORS', " && (error !== 'cors' || /^(GET|HEAD)$/.test(request.method))", ''],
  [7, 'any scheme', '/\\bBearer\\b.*\\berror=', '/.*\\berror='],
  [7, 'no brake', "if (since < 0) return say(error)", ''],
  [7, 'a brake that does not grow', 'Math.min(MOST_WAIT, pause * 2)', 'pause'],
  [7, 'a brake that grows without end', 'Math.min(MOST_WAIT, pause * 2)', 'pause * 2'],
  [7, 'a brake that is never loosened', 'since < CALM ?', 'pause ?'],
  [7, 'a brake without a word', "return say(error)", 'return null'],
  [7, 'a word each time', 'said ||= (', 'said = ('],
  [7, 'any status', 'if (response.status !== 401) return response\n', ''],
  [7, 'one refresh per refusal', 'token.value === refused || ', 'true || '],
  [7, 'a refused token is good enough', 'refresh(true)', 'refresh()'],
  [7, 'a token on its way is good enough', ' && age() <= performance.now() - since', ''],
  [7, 'a repeat as somebody else', 'token.value !== refused && isSame()', 'token.value !== refused'],
  [7, 'login_required', "      stepUp = true\n", ''],
  [8, 'any 401 is an end', "if (answer.code === 'session_ended') return end(answer.code)", "return end('session_ended')"],
  [8, 'any failure is out', '    failures++\n', '    alive = false\n'],
  [8, 'no time limit', 'SERVER_ANSWERS = 10_000', 'SERVER_ANSWERS = 1e12'],
  [8, 'no token while offline', "if (!left()) throw new SessionError('offline')", "if (failures) throw new SessionError('offline')"],
  [8, 'no backoff', '1000 * 2 ** failures', '1000'],
  [8, 'no jitter', 'notBefore + Math.random() *', 'notBefore +'],
  [8, 'no Retry-After', "response?.headers.get('Retry-After') ?? ''", "''"],
  [8, 'no date', ' || Date.parse(after) - Date.now()', ''],
  [8, 'as long as it says', 'Math.min(MOST_WAIT, Math.max(LEAST_WAIT, wait))', 'Math.max(LEAST_WAIT, wait)'],
  [8, 'silence over wrong routes', "say(base + 'refresh', response.status, answer.code)", '0'],
  [8, 'a word for an outage', 'response && response.status < 500', 'response'],
  [8, 'Retry-After for timers only', ' || performance.now() < notBefore) return', ') return'],
  [8, 'online does not hasten', '    retryAt = notBefore\n', ''],
  [8, 'a payload of null', ' ?? {}\n  } catch', '\n  } catch'],
  [9, 'session_ended', "if (answer.code === 'session_ended') return end(answer.code)\n", ''],
  [9, 'session_unknown', "if (answer.code === 'session_unknown') {", 'if (false) {'],
  [9, 'asks once more', 'if (!alive && identity && performance.now() >= againAt)', 'if (false)'],
  [9, 'asks for ever', 'againAt ||= performance.now()', 'againAt = performance.now()'],
  [9, 'asks once more without a marker', 'readable ? 0 : Infinity', '0'],
  [9, 'any status', 'response?.status === 401', 'response'],
  [9, 'session_unknown ends', "answer.code === 'session_ended')", 'answer.code)'],
  [9, 'the marker stays', "if (readable) document.cookie = cookie + '=; Path=/; Secure; SameSite=Strict; Max-Age=0'", ''],
  [9, 'whichever marker', 'if (controller === current) look()\n    if (controller !== current) return\n    if (resp', 'if (resp'],
  [10, 'no comparison', ' || !(await isOf(marker, next).catch(() => false))', ''],
  [10, 'eight characters', 'new Uint8Array(digest, 0, 16)) === decode(sid)', 'new Uint8Array(digest, 0, 6)) === decode(sid.slice(0, 8))'],
  [10, 'a digest that fails is a match', '.catch(() => false)', '.catch(() => true)'],
  [10, 'one channel', 'new BroadcastChannel(base)', "new BroadcastChannel('session')"],
  [10, 'a message of null', 'data ?? {}', 'data!'],
  [10, 'an age from the future', 'Math.max(0, Number(answer.age) || 0)', '(answer.age ?? 0)'],
  [10, 'none after hashing', ' || readMarker() !== marker) return false', ') return false'],
  [10, 'none by sid', ' || ended.has(next)', ''],
  [10, "somebody else's request", "if (began && began !== identity) throw new SessionError('other_session')\n", ''],
  [10, 'an older token', ' && age(fresh) <= age()', ''],
  [10, 'no look before a token is served', '    look()\n    const began', '    const began'],
  [11, 'not restored', "'pageshow', ", ''],
  [11, 'not without a marker', "if (!readable && alive && (event as PageTransitionEvent).persisted) settle(identity!, true, 'start')", ''],
  [11, 'the former user stays', '    token = next\n', '    token = next ?? token\n'],
  [12, 'any origin', '!origins.includes(new URL(request.url).origin) || ', ''],
  [12, 'any origin that begins alike', 'origins.includes(new URL(request.url).origin)', 'origins.some(origin => request.url.startsWith(origin))'],
  [12, 'no listed origin', '...(options.origins ?? [])', ''],
  [12, "the caller's Authorization", " || request.headers.has('Authorization')", ''],
  [13, 'no message', '    tell({ reason, over })\n', ''],
  [13, 'the refresh goes on', '    current.abort()\n', ''],
  [13, 'the marker stays', "if (readable) document.cookie = cookie + '=; Path=/; Secure; SameSite=Strict; Max-Age=0'", ''],
  [13, 'not past the page', 'keepalive: true', 'keepalive: false'],
  [13, 'silence without a marker', "      if (!readable && !response?.ok) throw new SessionError('offline')\n", ''],
  [13, 'the server first', "      end('logout')\n", "      await null\n      end('logout')\n"],
  [14, 'another code', "readable && !readMarker() ? 'cookies_blocked' : 'other_session'", "'other_session'"],
  [14, 'pretence', 'if (readable) {\n      const marker', 'if (readable && readMarker()) {\n      const marker'],
  [15, 'listeners', 'addEventListener(type, hasten, disposal)', 'addEventListener(type, hasten)'],
  [15, 'timers', '      disposal.abort()\n      clearTimeout(timer)\n', '      disposal.abort()\n'],
  [15, 'channels', '      siblings.close()\n', ''],
  [15, 'a refresh in flight', "      settle(identity!, false, 'logout')\n    },", '    },'],
  [15, 'disposed', "disposal.signal.aborted ? 'disposed' : ", ''],
  [15, 'a global', '  return {\n    get state', '  globalThis.fetch = globalThis.fetch.bind(null)\n  return {\n    get state'],
  [15, 'an idle lock', 'held && askOnce()', 'held && askOnce().then(() => new Promise(() => {}))'],
  ['the interface', 'a prototype', ', __proto__, ...claims', ', ...claims'],
  ['the interface', 'a refused login', 'answer.ok && ', ''],
  ['the interface', 'no token is a token', '      if (!issued.access_token) return answer\n', ''],
  ['the interface', 'a life of NaN', '!(life > 0)', 'life <= 0'],
  ['the interface', 'a bundle without base', 'readable ? cookie : options.base ? PREFIX : SERVED_COOKIE', 'readable ? cookie : PREFIX'],
  [12, 'credentials', 'return fetch(to)', "return fetch(to, { credentials: 'include' })"],
  [12, 'another header', "to.headers.set('Authorization', 'Bearer ' + bearer)", "to.headers.set('Authorization', 'Bearer ' + bearer)\n      to.headers.set('X-Access-Token', bearer)"],
  [12, 'the marker in a header', "to.headers.set('Authorization', 'Bearer ' + bearer)", "to.headers.set('Authorization', 'Bearer ' + bearer)\n      to.headers.set('X-Session', readMarker()!)"],
]

const folder = mkdtempSync(join(tmpdir(), 'session-mutations-'))

// `npm run mutate 7` takes the mutations of one rule only.
const chosen = mutations.filter(([rule]) => process.argv.length < 3 || process.argv.includes(String(rule)))

/** Whether tests fail whose group's name begins so. */
async function fails(text, group) {
  const file = join(mkdtempSync(join(folder, 'm-')), 'client.js')
  writeFileSync(file, (await transform(text, { loader: 'ts', target: 'es2022' })).code)
  const options = ['--experimental-vm-modules', '--test-reporter=tap', `--test-name-pattern=^${group}`]
  const env = { ...process.env, SESSION_MODULE: file }
  const child = spawn(process.execPath, [...options, here('rules.test.mjs')], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  for await (const chunk of child.stdout) output += chunk
  const [, passed, failed] = /^# pass (\d+)\n# fail (\d+)/m.exec(output) ?? []
  if (!(Number(passed) + Number(failed) > 0)) throw new Error(`no tests ran:\n${output}`)
  return failed !== '0'
}

let survivors = 0
async function work(queue) {
  for (let next; (next = queue.shift()); ) {
    const [rule, name, from, to] = next
    const group = typeof rule === 'number' ? `rule ${rule}:` : rule
    const label = `${group} ${name}`
    if (source.split(from).length !== 2) {
      survivors++
      console.log(`LOST      ${label}: its text must stand once in session.ts`)
      continue
    }
    if (await fails(source.replace(from, () => to), group)) console.log(`killed    ${label}`)
    else {
      survivors++
      console.log(`SURVIVED  ${label}`)
    }
  }
}

try {
  if (await fails(source, '')) throw new Error('a rule fails without a mutation')
  const queue = [...chosen]
  await Promise.all(Array.from({ length: availableParallelism() }, () => work(queue)))
} finally {
  rmSync(folder, { recursive: true })
}
console.log(`${chosen.length} mutations, ${survivors} not killed`)
process.exitCode = survivors ? 1 : 0
