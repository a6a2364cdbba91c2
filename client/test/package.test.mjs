// The npm package as a user installs it: packed, unpacked beside the libraries, compiled, bundled and imported.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const client = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'session-package-'))
const installed = join(folder, 'node_modules/@stateless-session/client')
after(() => rmSync(folder, { recursive: true }))

const run = (command, options, cwd = folder) => execFileSync(command, options, { cwd, encoding: 'utf8' })

before(() => {
  // What `prepack` would build is there: `pretest` builds it, and other tests are reading it.
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], client)
  const [tarball] = readdirSync(folder).filter(name => name.endsWith('.tgz'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${tarball}`])
  for (const library of ['@apollo/client', '@types/react', '@urql/core', 'axios', 'react']) {
    const link = join(folder, 'node_modules', library)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(client, 'node_modules', library), link)
  }
  writeFileSync(join(folder, 'types.ts'), readFileSync(join(client, 'test/types.ts')))
})

it('has the module, the adapters, their types, a README and the licences, and nothing else', () => {
  const names = ['apollo', 'axios', 'react', 'session', 'urql']
  assert.deepEqual(readdirSync(installed).sort(), ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'dist', 'package.json'])
  assert.deepEqual(readdirSync(join(installed, 'dist')).sort(), names.flatMap(name => [`${name}.d.ts`, `${name}.js`]))
  const served = readFileSync(join(client, '../session-runtime/client/client.js'), 'utf8')
  assert.equal(readFileSync(join(installed, 'dist/session.js'), 'utf8'), served)
})

for (const module of ['NodeNext', 'ESNext']) {
  it(`compiles with module ${module}`, () => {
    const resolution = module === 'ESNext' ? 'Bundler' : module
    const options = `--noEmit --strict --skipLibCheck --target ES2022 --module ${module} --moduleResolution ${resolution}`
    run(process.execPath, [join(client, 'node_modules/typescript/bin/tsc'), ...options.split(' '), 'types.ts'])
  })
}

it('bundles to little more than the module', async () => {
  const contents = `
    import { createSession } from '@stateless-session/client'
    createSession({ base: '/auth', cookie: '__Host-my-app' })`
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
  })
  const bundled = outputFiles[0].contents.length
  assert.ok(bundled > 1_000 && bundled < readFileSync(join(installed, 'dist/session.js')).length + 200, `${bundled}`)
})

it('is imported by Node, and says that it needs base and cookie', () => {
  const program = `
    import { createSession, SessionError } from '@stateless-session/client'
    import { sessionLink } from '@stateless-session/client/apollo'
    import { sessionAxios } from '@stateless-session/client/axios'
    import { useSession } from '@stateless-session/client/react'
    import { sessionClient } from '@stateless-session/client/urql'
    const adapters = [sessionLink, sessionAxios, useSession, sessionClient]
    try {
      createSession()
    } catch (error) {
      console.log(adapters.length, error instanceof SessionError, error.code)
    }`
  writeFileSync(join(folder, 'program.js'), program)
  assert.equal(run(process.execPath, ['program.js']), '4 true configuration\n')
})
