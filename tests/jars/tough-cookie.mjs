// tough-cookie beside Node's own `https`, because its `fetch` goes through no proxy.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { CookieJar, version } from 'tough-cookie'

const { ORIGIN, CA, PORT } = process.env
const jar = new CookieJar()
const agent = new https.Agent({ ca: readFileSync(CA), keepAlive: true })
let token
const steps = []
for (const step of process.argv.slice(2)) {
  const [method, path, sub] = step.split(' ')
  const url = new URL(path, ORIGIN)
  const headers = { cookie: await jar.getCookieString(url.href), host: url.host }
  if (method === 'GET') headers.authorization = `Bearer ${token}`
  if (sub) headers['content-type'] = 'application/json'
  const where = { host: '127.0.0.1', port: PORT, servername: url.hostname, path }
  const request = https.request({ ...where, method, headers, agent }).end(sub && JSON.stringify({ sub }))
  const [response] = await once(request, 'response')
  const answer = await text(response)
  for (const line of response.headers['set-cookie'] ?? []) await jar.setCookie(line, url.href)
  const body = answer ? JSON.parse(answer) : null
  token = body?.access_token ?? token
  // One that was deleted stays in the store until the jar is asked what to send.
  await jar.getCookies(new URL('/auth/refresh', ORIGIN).href)
  const { cookies } = await jar.serialize()
  steps.push({ status: response.statusCode, body, jar: cookies.map(({ key }) => key) })
}
agent.destroy()
console.log(JSON.stringify({ version, steps }))
