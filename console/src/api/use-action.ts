/** Something the operator does: under way or not, and how it failed. */
import { useState } from 'preact/hooks'
import { ApiError } from './admin-client.js'
import { inBackground } from './in-background.js'

export interface Action {
  isBusy: boolean
  error: ApiError | null
  run: () => void
}

export function useAction (work: () => Promise<void>): Action {
  const [state, setState] = useState<{ isBusy: boolean, error: ApiError | null }>({ isBusy: false, error: null })
  const run = async (): Promise<void> => {
    setState({ isBusy: true, error: null })
    try {
      await work()
      setState({ isBusy: false, error: null })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      setState({ isBusy: false, error })
    }
  }
  return { ...state, run: () => { if (!state.isBusy) inBackground(run()) } }
}
