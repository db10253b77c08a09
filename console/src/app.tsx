/** The frame around the views: where one is, how the gateway is, and how to get elsewhere. */
import type { ComponentType } from 'preact'
import { useEffect, useReducer, useRef } from 'preact/hooks'
import type { Overview as OverviewData } from './api/answers.js'
import { sessionChanges, sessionState, signOut } from './api/session.js'
import { usePolled } from './api/use-polled.js'
import { formatSeconds } from './formats.js'
import { Badge } from './parts/badge.js'
import { Icon } from './parts/icon.js'
import { SignIn } from './parts/sign-in.js'
import { ThemeSwitch } from './parts/theme-switch.js'
import { linkTo, useRoute, viewNames, type ViewName } from './route.js'
import { DecisionsView } from './views/decisions.js'
import { KeysView } from './views/keys.js'
import { OverviewView } from './views/overview.js'
import { PlaygroundView } from './views/playground.js'
import { SpendView } from './views/spend.js'
import { TrafficView } from './views/traffic.js'
import type { ViewProps } from './views/view-props.js'

const views: Record<ViewName, { title: string, View: ComponentType<ViewProps> }> = {
  overview: { title: 'Overview', View: OverviewView },
  traffic: { title: 'Traffic', View: TrafficView },
  spend: { title: 'Spend', View: SpendView },
  decisions: { title: 'Decisions', View: DecisionsView },
  keys: { title: 'Keys', View: KeysView },
  playground: { title: 'Playground', View: PlaygroundView }
}

export function App () {
  const [, redraw] = useReducer((count: number) => count + 1, 0)
  useEffect(() => {
    sessionChanges.addEventListener('change', redraw)
    return () => { sessionChanges.removeEventListener('change', redraw) }
  }, [])
  // Another secret starts everything anew.
  const { isRefused, secret } = sessionState()
  return isRefused ? <SignIn /> : <Frame key={secret} />
}

function Frame () {
  const { view, item } = useRoute()
  const { data: overview, error } = usePolled<OverviewData>('overview')
  const { title, View } = views[view]
  const heading = useRef<HTMLHeadingElement>(null)
  const nav = useRef<HTMLElement>(null)
  const isFirst = useRef(true)
  useEffect(() => {
    document.title = `${title} · Gearbox`
    // Who follows a link by keyboard or hears the page is taken along to what it shows.
    if (!isFirst.current) heading.current?.focus()
    isFirst.current = false
    // On a phone the row of views is wider than the screen.
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [view])

  return (
    <div class='frame'>
      <a class='skip' href='#content' onClick={event => { event.preventDefault(); heading.current?.focus() }}>Skip to content</a>
      <header class='top'>
        <a class='brand' href={linkTo('overview')}><Icon name='brand' />Gearbox</a>
        <nav aria-label='Views' ref={nav}>
          <ul>
            {viewNames.map(name => (
              <li key={name}>
                <a href={linkTo(name)} {...(name === view ? { 'aria-current': 'page' as const } : {})}><Icon name={name} />{views[name].title}</a>
              </li>
            ))}
          </ul>
        </nav>
        <div class='top-end'>
          <ThemeSwitch />
          {sessionState().secret !== null && <button type='button' class='button small' onClick={signOut}>Sign out</button>}
        </div>
      </header>
      <main>
        <div class='page-head'>
          <h1 id='content' ref={heading} tabIndex={-1}>{title}</h1>
          <GatewayState overview={overview} isLost={error !== null} />
        </div>
        <View item={item} overview={overview} />
      </main>
    </div>
  )
}

function GatewayState ({ overview, isLost }: { overview: OverviewData | null, isLost: boolean }) {
  if (isLost) return <Badge tone='bad'>no answer</Badge>
  if (overview === null) return null
  return (
    <p class='gateway-state'>
      <Badge tone={overview.state === 'serving' ? 'good' : 'warn'}>{overview.state}</Badge>
      <span class='muted'>gearbox {overview.version}, up {formatSeconds(overview.uptimeSeconds)}</span>
    </p>
  )
}
