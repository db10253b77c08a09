/** The secret of the admin port, kept by this tab until it is closed. */
const storageKey = 'gearbox-admin-secret'

export interface SessionState {
  secret: string | null
  /** The port asked for a secret, or refused the one it got. */
  isRefused: boolean
}

let state: SessionState = { secret: sessionStorage.getItem(storageKey), isRefused: false }

export const sessionChanges = new EventTarget()

export function sessionState (): SessionState {
  return state
}

export function signIn (secret: string): void {
  sessionStorage.setItem(storageKey, secret)
  change({ secret, isRefused: false })
}

export function signOut (): void {
  sessionStorage.removeItem(storageKey)
  change({ secret: null, isRefused: true })
}

/** @param usedSecret what the refused request had sent: an answer that comes late says nothing about a newer one */
export function refused (usedSecret: string | null): void {
  if (usedSecret === state.secret && !state.isRefused) change({ ...state, isRefused: true })
}

function change (next: SessionState): void {
  state = next
  sessionChanges.dispatchEvent(new Event('change'))
}
