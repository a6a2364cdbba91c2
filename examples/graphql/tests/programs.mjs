// Starts what the tests in Node need: one Postgres, the Rust program, and other servers in front of the same database.

import { execFileSync, spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const file = name => fileURLToPath(new URL(`../${name}`, import.meta.url))
const PROGRAM = `${process.env.CARGO_TARGET_DIR ?? file('target')}/debug/todos`
const secret = () => randomBytes(48).toString('base64')
const env = { ...process.env, PORT: '0', ACCESS_TOKEN_SECRET: secret(), REFRESH_TOKEN_SECRET: secret() }
const running = []

/** Until the program has printed a line that matches. */
async function start(command, args, line, variables) {
  const child = spawn(command, args, { env: { ...env, ...variables }, stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface(child.stdout)
  const says = pattern =>
    new Promise(resolve => {
      lines.on('line', function hear(text) {
        if (!pattern.test(text)) return
        lines.off('line', hear)
        resolve(text.match(pattern)[0])
      })
    })
  const exit = once(child, 'exit')
  const program = {
    url: '',
    /** An order to postgres.sh. */
    async order(word) {
      const done = says(new RegExp(`^${word}$`))
      child.stdin.write(`${word}\n`)
      await done
    },
    async end() {
      child.stdin.end() // which ends the database
      if (command !== 'sh') child.kill()
      await exit
    },
  }
  running.unshift(program)
  const failure = exit.then(([code]) => Promise.reject(new Error(`${command} ${args} ended: ${code}`)))
  failure.catch(() => {})
  program.url = await Promise.race([says(line), failure])
  return program
}

export async function startDatabase() {
  const database = await start('sh', [file('postgres.sh')], /^postgres:.*/)
  env.DATABASE_URL = database.url
  return database
}

export const startProgram = variables => start(PROGRAM, [], /^http:.*/, variables)

/** Other servers on the same schema, by name, and what each runs with: version 5 needs a newer Node than the oldest that others do. */
export const OTHERS = {
  'PostGraphile 4': [process.execPath, 'postgraphile/4'],
  'PostGraphile 5': [process.execPath, 'postgraphile/5'],
  'Apollo Server': ['node', 'apollo'],
}

export const startOther = name => {
  const [node, folder] = OTHERS[name]
  return start(node, [file(`${folder}/server.mjs`)], /^http:.*/)
}

export async function endAll() {
  for (const program of running) await program.end()
}

export const sql = query =>
  execFileSync('psql', ['--quiet', '--tuples-only', '--no-align', env.DATABASE_URL, '--command', query], { encoding: 'utf8' }).trim()

export const makeAdmin = name =>
  sql(`update app_private.accounts set role = 'app_admin' from app_public.people where id = person_id and name = '${name}'`)

export const decode = part => JSON.parse(Buffer.from(part, 'base64url'))
export const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token like `token` with other claims, under a signature of the access key. */
export function resign(token, change) {
  const [header, payload] = token.split('.')
  const signed = `${header}.${encode({ ...decode(payload), ...change })}`
  return `${signed}.${createHmac('sha256', env.ACCESS_TOKEN_SECRET).update(signed).digest('base64url')}`
}
