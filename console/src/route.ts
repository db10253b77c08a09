/** The address after the `#` says what is shown, so that every view and every decision has a link. */
import { useEffect, useState } from 'preact/hooks'

export const viewNames = ['overview', 'traffic', 'spend', 'decisions', 'keys', 'playground'] as const
export type ViewName = typeof viewNames[number]

export interface Route {
  view: ViewName
  /** What in it, such as the id of a decision. */
  item: string | null
}

export function readRoute (hash: string): Route {
  const [view, ...rest] = hash.replace(/^#\/?/, '').split('/')
  return { view: viewNames.find(name => name === view) ?? 'overview', item: rest.length === 0 ? null : decoded(rest.join('/')) }
}

function decoded (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function linkTo (view: ViewName, item?: string): string {
  return item === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(item)}`
}

export function useRoute (): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash))
  useEffect(() => {
    const follow = (): void => { setRoute(readRoute(location.hash)) }
    addEventListener('hashchange', follow)
    return () => { removeEventListener('hashchange', follow) }
  }, [])
  return route
}
