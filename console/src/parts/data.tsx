import type { ComponentChildren } from 'preact'
import type { Polled } from '../api/use-polled.js'
import { ErrorNote, Loading } from './notice.js'

/** Shows polled data in each of its states: not there yet, there, failed, failed but known from before. */
export function Data<T> ({ polled, children }: { polled: Polled<T>, children: (data: T) => ComponentChildren }) {
  const { data, error } = polled
  return (
    <>
      {error !== null && <ErrorNote error={error} isStale={data !== null} />}
      {data === null ? error === null && <Loading /> : children(data)}
    </>
  )
}
