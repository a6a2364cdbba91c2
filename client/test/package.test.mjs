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

it('has modules that can be read, their types and maps, the sources, a README and the licences, and nothing else', () => {
  const names = ['apollo', 'axios', 'index', 'react', 'urql']
  const files = ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'dist', 'package.json', 'src']
  assert.deepEqual(readdirSync(installed).sort(), files)
  const kinds = ['cjs', 'cjs.map', 'd.cts', 'd.ts', 'js', 'js.map']
  const expected = [...names.flatMap(name => kinds.map(kind => `${name}.${kind}`)), 'session.d.cts', 'session.d.ts']
  assert.deepEqual(readdirSync(join(installed, 'dist')).sort(), expected.sort())
  const module = readFileSync(join(installed, 'dist/index.js'), 'utf8')
  assert.match(module, /^ {2}async function ask\(controller\) \{$/m)
  const { sources } = JSON.parse(readFileSync(join(installed, 'dist/index.js.map')))
  for (const source of sources) assert.ok(readFileSync(join(installed, 'dist', source)).length > 0, source)
})

for (const module of ['Node16', 'NodeNext', 'ESNext']) {
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
  assert.ok(bundled > 1_000 && bundled < readFileSync(join(client, '../session-runtime/client/client.js')).length + 1_000, `${bundled}`)
})

it('is imported and required by Node, where it is a session of nobody that asks nothing', () => {
  const use = `
    const adapters = [sessionLink, sessionAxios, useSession, sessionClient]
    globalThis.fetch = () => process.exit(1)
    const session = createSession()
    session.subscribe(() => process.exit(1))()
    const { state, claims } = session.snapshot()
    const code = error => error instanceof SessionError && error.code
    session.token().catch(code).then(async code => {
      await session.logout()
      session.dispose()
      console.log(adapters.length, session.state, state, claims, session.claims, code, await session.challenged('', ''))
    })`
  const names = {
    '': 'createSession, SessionError',
    '/apollo': 'sessionLink',
    '/axios': 'sessionAxios',
    '/react': 'useSession',
    '/urql': 'sessionClient',
  }
  const all = Object.entries(names)
  const imports = all.map(([path, name]) => `import { ${name} } from '@stateless-session/client${path}'`)
  const requires = all.map(([path, name]) => `const { ${name} } = require('@stateless-session/client${path}')`)
  writeFileSync(join(folder, 'program.mjs'), imports.join('\n') + use)
  writeFileSync(join(folder, 'program.cjs'), requires.join('\n') + use)
  for (const program of ['program.mjs', 'program.cjs']) {
    assert.equal(run(process.execPath, [program]), '4 unknown unknown null null disposed null\n', program)
  }
})

/** A test as users write it, for a component that follows the session. */
const COMPONENT_TEST = `
  const session = createSession({ base: '/auth', cookie: '__Host-my-app' })
  it('renders', async () => {
    const text = renderToString(createElement(() => useSession(session).state))
    expect(text).toBe('unknown')
    expect(['unknown', 'out']).toContain(session.state)
    session.dispose()
  })`

const IMPORTS = `
  import { createElement } from 'react'
  import { renderToString } from 'react-dom/server'
  import { createSession } from '@stateless-session/client'
  import { useSession } from '@stateless-session/client/react'`

const link = library => {
  const target = join(folder, 'node_modules', library)
  mkdirSync(dirname(target), { recursive: true })
  rmSync(target, { force: true, recursive: true })
  symlinkSync(join(client, 'node_modules', library), target)
}

for (const environment of ['node', 'jsdom', 'happy-dom']) {
  it(`works in Vitest's ${environment}`, () => {
    for (const library of ['vitest', 'vite', 'jsdom', 'happy-dom', 'react', 'react-dom']) link(library)
    const file = `${environment}.test.js`
    writeFileSync(join(folder, file), `// @vitest-environment ${environment}\nimport { expect, it } from 'vitest'${IMPORTS}${COMPONENT_TEST}`)
    run(process.execPath, [join(client, 'node_modules/vitest/vitest.mjs'), 'run', file])
  })
}

for (const environment of ['node', 'jsdom']) {
  it(`works in Jest's ${environment}, with its defaults`, () => {
    for (const library of ['react', 'react-dom', 'jest-environment-jsdom']) link(library)
    const jest = join(folder, 'jest')
    mkdirSync(jest, { recursive: true })
    writeFileSync(join(jest, 'package.json'), '{ "private": true }')
    const file = `${environment}.test.js`
    const requires = IMPORTS.replaceAll(/import (\{.*\}) from ('.*')/g, 'const $1 = require($2)')
    // Jest's document has none, which react-dom/server asks for.
    const encoder = 'Object.assign(globalThis, { TextEncoder: require("util").TextEncoder, MessageChannel: class {} })\n'
    const server = environment === 'jsdom' ? requires.replace('react-dom/server', 'react-dom/server.node') : requires
    writeFileSync(join(jest, file), `/** @jest-environment ${environment} */\n${environment === 'jsdom' ? encoder : ''}${server}${COMPONENT_TEST}`)
    run(process.execPath, [join(client, 'node_modules/jest/bin/jest.js'), '--rootDir', jest, '--silent', file])
  })
}
