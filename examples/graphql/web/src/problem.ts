import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors'
import { SessionError } from '@stateless-session/client'

const BY_CODE: Record<string, string> = {
  wrong_credentials: 'Wrong name or password.',
  name_taken: 'Somebody has this name.',
  not_found: 'It is not there any more.',
  forbidden: 'You may not do this.',
  login_required: 'This needs your password once more.',
  temporarily_unavailable: 'The database does not answer. Try again in a moment.',
}

/** Why a server refused. */
export const codeOf = (error: unknown): unknown =>
  CombinedGraphQLErrors.is(error) ? error.errors[0]?.extensions?.['code'] : undefined

/** What a person is told. PostGraphile's own messages speak of the database, and are not for people. */
export function messageOf(error: unknown): string {
  if (error instanceof SessionError && error.code === 'cookies_blocked') {
    return 'This browser did not store the session cookies. Safari needs https; other browsers may block cookies here.'
  }
  if (CombinedGraphQLErrors.is(error)) {
    const { message, extensions } = error.errors[0]!
    if (extensions?.['code'] === 'invalid_input') return `The server says: ${message}.`
    return BY_CODE[String(extensions?.['code'])] ?? 'The server could not do this.'
  }
  if (ServerError.is(error)) return error.statusCode === 503 ? BY_CODE['temporarily_unavailable']! : 'The server could not do this.'
  return 'The server does not answer.'
}
