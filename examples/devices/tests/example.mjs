// Starts the example by its one command, and is what calls it: devices with a cookie jar each, and a load of sixteen.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const RUN = fileURLToPath(new URL('../run', import.meta.url))

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** `./run` on one of the two engines, until it says where it is. */
export async function startExample(registry) {
  const port = await freePort()
  const env = { ...process.env, REGISTRY: registry, PORT: String(port) }
  const stderr = process.env.SERVER_LOG ? 'inherit' : 'ignore'
  const child = spawn(RUN, [], { env, stdio: ['pipe', 'pipe', stderr] })
  const exit = once(child, 'exit')
  const lines = createInterface(child.stdout)
  const heard = []
  lines.on('line', line => heard.push(line))
  const says = async pattern => {
    for (;;) {
      const line = heard.find(line => pattern.test(line))
      if (line) return pattern.exec(line)
      await Promise.race([once(lines, 'line'), exit.then(([code]) => Promise.reject(new Error(`run ended: ${code}`)))])
    }
  }
  const nodes = []
  let last = 'start'
  for (const node of [1, 2, 3]) nodes.push((await says(new RegExp(`^${node}  (http:.*)$`)))[1])
  return {
    origin: `http://localhost:${port}`,
    nodes,
    /** `stop` or `start` of the engine, unless that was the last order. */
    async order(order) {
      if (order === last) return
      last = order
      heard.length = 0
      child.stdin.write(`${order}\n`)
      await says(new RegExp(`: ${order}$`))
    },
    async end() {
      child.kill()
      await exit
    },
  }
}

const json = body => ({ method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })

/** A login with a cookie jar; where no origin is named, requests go through nginx to whichever node. */
export class Device {
  constructor(origin, cookies = new Map(), token = '') {
    Object.assign(this, { origin, cookies, token })
  }

  static async login(origin, name, password) {
    const device = new Device(origin)
    await device.#take(await fetch(`${origin}/login`, json({ name, password })))
    return device
  }

  copy() {
    return new Device(this.origin, new Map(this.cookies), this.token)
  }

  get sid() {
    return JSON.parse(Buffer.from(this.token.split('.')[1], 'base64url')).sid
  }

  async #take(answer) {
    if (answer.status !== 200) throw new Error(`${answer.url}: ${answer.status} ${await answer.text()}`)
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      if (/max-age=0/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    this.token = (await answer.json()).access_token
  }

  #cookie() {
    return Array.from(this.cookies, pair => pair.join('=')).join('; ')
  }

  /** Rejects with what was answered, where it was refused. */
  async refresh(origin = this.origin) {
    await this.#take(await fetch(`${origin}/auth/refresh`, { method: 'POST', headers: { cookie: this.#cookie() } }))
  }

  logout(origin = this.origin) {
    return fetch(`${origin}/auth/logout`, { method: 'POST', headers: { cookie: this.#cookie() } })
  }

  call(method, path, origin = this.origin) {
    return fetch(`${origin}${path}`, { method, headers: { authorization: `Bearer ${this.token}` } })
  }

  async status(method, path, origin) {
    const answer = await this.call(method, path, origin)
    await answer.arrayBuffer()
    return answer.status
  }
}

const CLIENTS = 16
const ROUNDS_A_REFRESH = 20

/** Sixteen clients that call without end, and refresh far more often than a browser would. */
export async function startLoad(origin) {
  const clients = []
  for (let number = 0; number < CLIENTS; number++) {
    const [name, password] = number % 2 ? ['bob', 'builder'] : ['alice', 'wonderland']
    clients.push(await Device.login(origin, name, password))
  }
  const count = { calls: 0, refreshes: 0, failed: [] }
  let goesOn = true
  const loop = async (client, number) => {
    for (let round = number; goesOn; round++) {
      try {
        count.calls++
        const status = await client.status('GET', '/api/me')
        if (status !== 200) throw new Error(`GET /api/me: ${status}`)
        if (round % ROUNDS_A_REFRESH === 0) {
          count.refreshes++
          await client.refresh()
        }
      } catch (error) {
        count.failed.push(`client ${number}: ${error.message}`)
      }
      await sleep(50)
    }
  }
  const loops = clients.map(loop)
  return {
    clients,
    async stop() {
      goesOn = false
      await Promise.all(loops)
      return count
    },
  }
}
