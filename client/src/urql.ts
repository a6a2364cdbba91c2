import { Client, type ClientOptions } from '@urql/core'
import type { Session } from './session.js'

/** The urql client that sends through the session. */
export function sessionClient(session: Session<unknown>, options: ClientOptions): Client {
  return new Client({ ...options, fetch: session.fetch })
}
