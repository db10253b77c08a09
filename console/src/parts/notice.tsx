import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api/admin-client.js'

/** Where there is nothing to show: why, and what to do about it. */
export function EmptyState ({ title, children }: { title: string, children?: ComponentChildren }) {
  return (
    <div class='empty'>
      <p class='empty-title'>{title}</p>
      {children}
    </div>
  )
}

/** What went wrong, and whether what is below it is still true. */
export function ErrorNote ({ error, isStale = false }: { error: ApiError, isStale?: boolean }) {
  return (
    <div class='note bad' role='alert'>
      <p><strong>{error.message}</strong></p>
      <p>{error.status === 0 ? 'Trying again, more and more seldom.' : `Status ${error.status}.`}{isStale ? ' What is shown below is what was known before.' : ''}</p>
    </div>
  )
}

export function Loading () {
  return <p class='loading' role='status'>Loading …</p>
}
