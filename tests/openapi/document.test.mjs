// The document of the example, given to the tools that read documents.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import createClient from 'openapi-fetch'
import { startExample } from './helpers.mjs'

const run = promisify(execFile)
const here = new URL('.', import.meta.url).pathname
const tool = name => join(here, 'node_modules/.bin', name)

let example, folder, document
before(async () => {
  example = await startExample()
  document = await (await fetch(`${example.origin}/openapi.json`)).json()
  // Beside the modules that what is compiled there imports.
  folder = await mkdtemp(join(here, 'generated-'))
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(document))
})
after(async () => {
  await example?.stop()
  if (folder) await rm(folder, { recursive: true })
})

/** What Redocly says of a document, by its recommended rules. */
async function lint(document) {
  const file = join(folder, 'linted.json')
  await writeFile(file, JSON.stringify(document))
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const linted = await run(tool('redocly'), ['lint', '--format=json', file], { cwd: folder, env }).catch(error => error)
  return JSON.parse(linted.stdout).problems.map(problem => problem.ruleId)
}

test('a linter has nothing to say', async () => {
  assert.deepEqual(await lint(document), [])
})

test('a linter finds an operation that says nothing of its security', async () => {
  const silent = structuredClone(document)
  delete silent.paths['/me'].get.security
  assert((await lint(silent)).includes('security-defined'))
})

test('a linter finds a document that nobody completed', async () => {
  const incomplete = structuredClone(document)
  delete incomplete.components
  const problems = new Set(await lint(incomplete))
  assert(problems.has('no-unresolved-refs') && problems.has('security-defined'), [...problems].join())
})

test('a generated client logs in and calls', async () => {
  const types = join(folder, 'api.d.ts')
  await run(tool('openapi-typescript'), [join(folder, 'openapi.json'), '--output', types], { cwd: folder })
  // What the page of an application would write, checked against the document by TypeScript and run.
  const program = await readFile(join(here, 'client.ts'), 'utf8')
  await writeFile(join(folder, 'client.ts'), program)
  const options = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--skipLibCheck']
  await run(tool('tsc'), [...options, 'client.ts'], { cwd: folder }).catch(error => assert.fail(error.stdout))
  const { call } = await import(join(folder, 'client.js'))
  assert.deepEqual(await call(createClient, example.origin), { refused: 'missing_token', greeting: 'Hello, Ada!', forged: 'invalid_token' })

  for (const [right, wrong] of [["GET('/me'", "GET('/you'"], ['data.access_token', 'data.token'], ['error?.code', 'error?.kind']]) {
    await writeFile(join(folder, 'client.ts'), program.replace(right, wrong))
    const compiled = await run(tool('tsc'), [...options, '--noEmit', 'client.ts'], { cwd: folder }).catch(error => error)
    assert.match(compiled.stdout, /client\.ts\(\d+,\d+\): error/, wrong)
  }
})
