// Starts what the tests need, each for one file: the server, and https in front of it.

import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const MARKER = '__Host-jars'
export const REFRESH_COOKIE = /^__Secure-jars-refresh-[\w-]{8}$/

/** Where the application is said to be; only what stands in front of it knows where it is. */
export const HOST = 'app.example.com'

export const file = name => fileURLToPath(new URL(name, import.meta.url))
export const program = name => join(process.env.CARGO_TARGET_DIR ?? file('target'), 'debug', name)

const secret = () => randomBytes(48).toString('base64')

/** A folder that goes with the test file. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'jar-tests-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Starts the server; its ports, at the root of an origin and below `/app/` of one. */
export async function startServer({ allowedOrigin } = {}) {
  const secrets = { ACCESS_TOKEN_SECRET: secret(), REFRESH_TOKEN_SECRET: secret() }
  const allowed = allowedOrigin ? { ALLOWED_ORIGIN: allowedOrigin } : {}
  const env = { PATH: process.env.PATH, RUST_LOG: 'error', ...secrets, ...allowed }
  const stderr = process.env.SERVER_LOG ? 'inherit' : 'ignore'
  const child = spawn(program('jar-server'), [], { env, stdio: ['pipe', 'pipe', stderr] })
  after(() => child.kill())
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the server did not start')))
  ended.catch(() => {}) // where nobody waits for it
  const [ports] = await Promise.race([once(createInterface(child.stdout), 'line'), ended])
  const [port, portBelowApp] = JSON.parse(ports)
  return { port, portBelowApp, isRunning: () => child.exitCode === null && child.signalCode === null }
}

/** A throw-away authority and what it says of `localhost` and of `HOST`, as files. */
export function certificates(folder) {
  const at = name => join(folder, name)
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' })
  const request = (name, subject) =>
    ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at(`${name}.key`), '-subj', subject]
  openssl(...request('authority', '/CN=throw-away authority'), '-x509', '-days', '2', '-out', at('authority.pem'))
  openssl(...request('server', '/CN=localhost'), '-out', at('server.csr'))
  writeFileSync(at('names'), `subjectAltName=DNS:localhost,DNS:${HOST},IP:127.0.0.1\nbasicConstraints=CA:FALSE\n`)
  const signing = ['-CA', at('authority.pem'), '-CAkey', at('authority.key'), '-CAcreateserial', '-days', '2']
  openssl('x509', '-req', '-in', at('server.csr'), ...signing, '-extfile', at('names'), '-out', at('server.pem'))
  return { authority: at('authority.pem'), key: at('server.key'), cert: at('server.pem') }
}

async function listen(server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

/** https in front of the server, which hands on every field as it came; its port. */
export async function startTls({ key, cert }, upstream) {
  const server = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    const { method, url, headers } = request
    const target = { host: '127.0.0.1', port: upstream, method, path: url, headers }
    const onward = http.request(target, answer => {
      response.writeHead(answer.statusCode, answer.rawHeaders)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  const port = await listen(server)
  after(() => (server.close(), server.closeAllConnections()))
  return port
}

/** A proxy to which every host is `port` on this machine (CONNECT; RFC 9110, section 9.3.6); its port. */
export async function startForwardProxy(port) {
  const server = http.createServer()
  const sockets = new Set()
  server.on('connect', (request, client) => {
    const onward = net.connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connected\r\n\r\n')
      onward.pipe(client).pipe(onward)
    })
    for (const socket of [client, onward]) {
      sockets.add(socket)
      socket.on('error', () => (client.destroy(), onward.destroy()))
    }
  })
  const own = await listen(server)
  after(() => (server.close(), sockets.forEach(socket => socket.destroy())))
  return own
}

/** Ports that nobody listens on, for a program that cannot choose one itself. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer())
  const ports = await Promise.all(servers.map(listen))
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}

const answers = port =>
  new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true))
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
  })

/** nginx with these `server`s, by names, each a port of its own; the ports by the same names. */
export async function startNginx({ key, cert }, servers) {
  const names = Object.keys(servers)
  const ports = await freePorts(names.length)
  const block = (name, index) => {
    const { http2 = '', upstream, settings } = servers[name]
    return `
      upstream upstream-${index} { server 127.0.0.1:${upstream}; keepalive 4; }
      server {
        listen 127.0.0.1:${ports[index]} ssl ${http2};
        ssl_certificate ${cert};
        ssl_certificate_key ${key};
        ${settings.replaceAll('UPSTREAM', `http://upstream-${index}`)}
      }`
  }
  const folder = temporaryFolder()
  // Its workers are other users than root.
  chmodSync(folder, 0o755)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const configuration = `
    worker_processes 1;
    pid nginx.pid;
    error_log nginx.log warn;
    events {}
    http {
      access_log off;
      proxy_cache_path cache keys_zone=everything:1m;
      ${temporary.map(kind => `${kind}_temp_path ${kind};`).join('\n')}
      ${names.map(block).join('\n')}
    }`
  writeFileSync(join(folder, 'nginx.conf'), configuration)
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'nginx.log'), '-g', 'daemon off;']
  const child = spawn(process.env.NGINX ?? '/usr/sbin/nginx', args, { stdio: 'ignore' })
  // It sees nothing of how the test process ends.
  process.once('exit', () => child.kill())
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  after(() => child.kill())
  await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('spawn', resolve)
  })
  while (!(await answers(ports.at(-1)))) {
    if (child.exitCode !== null) throw new Error(readFileSync(join(folder, 'nginx.log'), 'utf8'))
    await sleep(20)
  }
  return Object.fromEntries(names.map((name, index) => [name, ports[index]]))
}
