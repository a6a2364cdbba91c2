// Starts the example, and puts Swagger UI in front of it on one origin.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { absolutePath } from 'swagger-ui-dist'

const TARGET = process.env.CARGO_TARGET_DIR ?? new URL('../../target', import.meta.url).pathname

/** The example on a free port. */
export async function startExample() {
  const child = spawn(join(TARGET, 'debug/openapi'), { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  const [origin] = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('the example did not start'))),
  ])
  return {
    origin,
    async stop() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

const TYPES = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.png': 'image/png' }
const INITIALIZER = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', presets: [SwaggerUIBundle.presets.apis] })"

/** Swagger UI below `/docs/`; everything else is the example's, with `Host` and `Origin` as the browser sent them. */
export async function startSwagger(upstream) {
  const { port } = new URL(upstream)
  const server = http.createServer(async (request, response) => {
    const { method, url, headers } = request
    if (!url.startsWith('/docs/')) {
      const onward = http.request({ host: '127.0.0.1', port, method, path: url, headers }, answer => {
        response.writeHead(answer.statusCode, answer.rawHeaders)
        answer.pipe(response)
      })
      onward.on('error', () => response.destroy())
      request.pipe(onward)
      return
    }
    const name = url.slice('/docs/'.length) || 'index.html'
    const file = name === 'swagger-initializer.js' ? INITIALIZER : await readFile(join(absolutePath(), name)).catch(() => null)
    response.writeHead(file ? 200 : 404, { 'Content-Type': TYPES[extname(name)] ?? 'text/plain' }).end(file ?? '')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { origin: `http://localhost:${server.address().port}`, stop: () => server.close() && server.closeAllConnections() }
}
