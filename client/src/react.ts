import { useSyncExternalStore } from 'react'
import type { Session, Snapshot } from './session.js'

/** State, claims and reason, for a component that follows them. */
export function useSession<Claims>(session: Session<Claims>): Snapshot<Claims> {
  return useSyncExternalStore(session.subscribe, session.snapshot)
}
