import { HttpLink } from '@apollo/client/link/http'
import type { Session } from './session.js'

/** The `HttpLink` that sends through the session, for Apollo Client 3 and 4. */
export function sessionLink(session: Session<unknown>, options?: ConstructorParameters<typeof HttpLink>[0]): HttpLink {
  return new HttpLink({ ...options, fetch: session.fetch })
}
