/** Data that stays current: asked for again and again, seldom while it fails, not at all while nobody looks. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, ask } from './admin-client.js'
import { inBackground } from './in-background.js'

const intervalMs = 2000
const longestIntervalMs = 30_000

export interface Polled<T> {
  /** The latest answer, also while newer ones fail; null before the first. */
  data: T | null
  error: ApiError | null
  refresh: () => void
}

export function usePolled<T> (path: string): Polled<T> {
  const [state, setState] = useState<{ path: string, data: T | null, error: ApiError | null }>({ path, data: null, error: null })
  const wake = useRef<() => void>(() => {})

  useEffect(() => {
    const stop = new AbortController()
    let failures = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = async (): Promise<void> => {
      clearTimeout(timer)
      if (document.hidden) return
      try {
        const data = await ask<T>(path, { signal: stop.signal })
        failures = 0
        setState({ path, data, error: null })
      } catch (error) {
        if (stop.signal.aborted || !(error instanceof ApiError)) return
        failures++
        setState(before => ({ path, data: before.path === path ? before.data : null, error }))
      }
      clearTimeout(timer)
      timer = setTimeout(lookAgain, Math.min(longestIntervalMs, intervalMs * 2 ** failures))
    }
    const lookAgain = (): void => { inBackground(look()) }
    wake.current = lookAgain
    document.addEventListener('visibilitychange', lookAgain)
    lookAgain()
    return () => {
      document.removeEventListener('visibilitychange', lookAgain)
      stop.abort()
      clearTimeout(timer)
    }
  }, [path])

  const refresh = useCallback(() => { wake.current() }, [])
  // Data of the path before is not this path's.
  return state.path === path ? { data: state.data, error: state.error, refresh } : { data: null, error: null, refresh }
}
