import type createClient from 'openapi-fetch'
import type { paths } from './api.d.ts'

/** Calls as a stranger, logs in and calls, and calls with another token. */
export async function call(create: typeof createClient, origin: string) {
  const client = create<paths>({ baseUrl: origin })
  const stranger = await client.GET('/me', { parseAs: 'text' })
  const login = await client.POST('/login')
  if (!login.data) throw new Error(login.error.code)
  const seconds: number = login.data.expires_in
  const type: 'Bearer' = login.data.token_type
  if (seconds !== 900) throw new Error(`${seconds}`)
  const me = (token: string) => client.GET('/me', { parseAs: 'text', headers: { Authorization: `${type} ${token}` } })
  const greeting: string | undefined = (await me(login.data.access_token)).data
  return { refused: stranger.error?.code, greeting, forged: (await me('forged')).error?.code }
}
