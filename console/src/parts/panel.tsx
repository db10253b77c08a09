import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

export interface PanelProps {
  title: string
  /** Beside the title: a badge, buttons. */
  aside?: ComponentChildren
  children: ComponentChildren
  isFlush?: boolean
}

export function Panel ({ title, aside, children, isFlush = false }: PanelProps) {
  const id = useId()
  return (
    <section class='panel' aria-labelledby={id}>
      <header class='panel-head'>
        <h2 id={id}>{title}</h2>
        {aside !== undefined && <div class='panel-aside'>{aside}</div>}
      </header>
      <div class={isFlush ? 'panel-body flush' : 'panel-body'}>{children}</div>
    </section>
  )
}

export function Tile ({ label, value, detail }: { label: string, value: string, detail?: string }) {
  return (
    <div class='tile'>
      <dt>{label}</dt>
      <dd>
        <span class='tile-value'>{value}</span>
        {detail !== undefined && <span class='tile-detail'>{detail}</span>}
      </dd>
    </div>
  )
}
