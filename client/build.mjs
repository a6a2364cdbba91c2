// Builds the module and its types into the runtime crate, or checks that what is committed there is what would be built.
// Either way, `dist/` gets what the npm package consists of.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const LIMIT = 3000
const BANNER = '// stateless-session: browser client. Readable source: client/src/session.ts. MIT OR Apache-2.0'
const PLACEHOLDER = '"__SESSION_COOKIE__"'
const here = path => fileURLToPath(new URL(path, import.meta.url))
const OUTPUT = here('../session-runtime/client/')
const PACKAGE = here('dist/')

async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [here('src/session.ts')],
    banner: { js: BANNER },
    bundle: true,
    charset: 'utf8',
    format: 'esm',
    minify: true,
    target: 'es2022',
    write: false,
  })
  return outputFiles[0].text
}

/** The adapters and everybody's types. */
function compile() {
  rmSync(PACKAGE, { recursive: true, force: true })
  const tsc = here('node_modules/typescript/bin/tsc')
  const options = ['--noEmit', 'false', '--declaration', '--outDir', PACKAGE]
  execFileSync(process.execPath, [tsc, '-p', here('tsconfig.json'), ...options], { stdio: 'inherit' })
}

compile()
const files = { 'client.js': await bundle(), 'client.d.ts': readFileSync(join(PACKAGE, 'session.d.ts'), 'utf8') }
const size = gzipSync(files['client.js'], { level: 9 }).length
if (files['client.js'].split(PLACEHOLDER).length !== 2) throw new Error(`${PLACEHOLDER} must stand once in client.js`)
if (size >= LIMIT) throw new Error(`client.js is ${size} bytes gzip, and must stay under ${LIMIT}`)
console.log(`client.js: ${files['client.js'].length} bytes, ${size} gzip`)

writeFileSync(join(PACKAGE, 'session.js'), files['client.js'])
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(here(`../${name}`), here(name))

mkdirSync(OUTPUT, { recursive: true })
for (const [name, text] of Object.entries(files)) {
  if (!process.argv.includes('--check')) writeFileSync(join(OUTPUT, name), text)
  else if (readFileSync(join(OUTPUT, name), 'utf8') !== text) throw new Error(`${name} is out of date: npm run build`)
}
