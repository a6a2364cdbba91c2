import { useSyncExternalStore } from 'react'
import type { Session, Snapshot } from './session.js'

/** What a server renders, and what the page begins with when it takes that over. */
const UNKNOWN = { state: 'unknown', claims: null, reason: 'start' } as const

/** State, claims and reason, for a component that follows them. */
export function useSession<Claims>(session: Session<Claims>): Snapshot<Claims> {
  return useSyncExternalStore(session.subscribe, session.snapshot, () => UNKNOWN)
}
