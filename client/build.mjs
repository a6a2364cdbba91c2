// Builds the modules that the server serves, and their types, into the runtime crate, or checks that what is committed there is
// what would be built. Either way, `dist/` gets what the npm package consists of.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { minify } from 'terser'

const LIMIT = 3000
const BANNER = '// stateless-session, MIT\n'
const PLACEHOLDER = '"__SESSION_COOKIE__"'
const here = path => fileURLToPath(new URL(path, import.meta.url))
const OUTPUT = here('../session-runtime/client/')
const PACKAGE = here('dist/')

/** The module for pages that can read the marker, or for those that cannot. */
async function served(readsMarker) {
  const { outputFiles } = await build({
    entryPoints: [here('src/session.ts')],
    bundle: true,
    charset: 'utf8',
    define: { READS_MARKER: String(readsMarker) },
    format: 'esm',
    minify: true,
    target: 'es2022',
    write: false,
  })
  const { code } = await minify(outputFiles[0].text, {
    ecma: 2022,
    module: true,
    compress: { keep_fargs: false, passes: 4, unsafe_arrows: true, unsafe_methods: true },
    // Fields of tokens, which never leave the module.
    mangle: { properties: { regex: /^(life|lead|steady)$/ } },
  })
  return BANNER + code
}

/** The npm package: ES modules and CommonJS that can be read, with maps, and types for both. */
async function bundle() {
  rmSync(PACKAGE, { recursive: true, force: true })
  const tsc = here('node_modules/typescript/bin/tsc')
  const options = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', PACKAGE]
  execFileSync(process.execPath, [tsc, '-p', here('tsconfig.json'), ...options], { stdio: 'inherit' })
  for (const name of readdirSync(PACKAGE)) {
    const types = readFileSync(join(PACKAGE, name), 'utf8')
    writeFileSync(join(PACKAGE, name.replace('.d.ts', '.d.cts')), types.replaceAll('.js', '.cjs'))
  }
  for (const [format, js] of [['esm', '.js'], ['cjs', '.cjs']]) {
    await build({
      entryPoints: ['index', 'react', 'apollo', 'urql', 'axios'].map(name => here(`src/${name}.ts`)),
      bundle: true,
      charset: 'utf8',
      format,
      // In CommonJS there is no `import.meta.url`, and `base` is asked for.
      define: { READS_MARKER: 'undefined', ...(format === 'cjs' && { 'import.meta.url': '""' }) },
      logLevel: 'warning',
      outdir: PACKAGE,
      outExtension: { '.js': js },
      packages: 'external',
      sourcemap: true,
      target: 'es2022',
    })
  }
  for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(here(`../${name}`), here(name))
}

await bundle()
const files = {
  'client.js': await served(true),
  'sibling.js': await served(false),
  'client.d.ts': readFileSync(join(PACKAGE, 'session.d.ts'), 'utf8'),
}
for (const name of ['client.js', 'sibling.js']) {
  const size = gzipSync(files[name], { level: 9 }).length
  if (size >= LIMIT) throw new Error(`${name} is ${size} bytes gzip, and must stay under ${LIMIT}`)
  console.log(`${name}: ${files[name].length} bytes, ${size} gzip`)
}
if (files['client.js'].split(PLACEHOLDER).length !== 2) throw new Error(`${PLACEHOLDER} must stand once in client.js`)

mkdirSync(OUTPUT, { recursive: true })
for (const [name, text] of Object.entries(files)) {
  if (!process.argv.includes('--check')) writeFileSync(join(OUTPUT, name), text)
  else if (readFileSync(join(OUTPUT, name), 'utf8') !== text) throw new Error(`${name} is out of date: npm run build`)
}
