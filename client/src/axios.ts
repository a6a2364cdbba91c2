import axios, { type AxiosInstance, type CreateAxiosDefaults } from 'axios'
import type { Session } from './session.js'

/** The axios instance that sends through the session, by axios's `fetch` adapter. */
export function sessionAxios(session: Session<unknown>, config?: CreateAxiosDefaults): AxiosInstance {
  return axios.create({ ...config, adapter: 'fetch', env: { ...config?.env, fetch: session.fetch } })
}
