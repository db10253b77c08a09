import type { ComponentChildren } from 'preact'

export type Tone = 'good' | 'warn' | 'bad' | 'quiet' | 'flash' | 'pro'

/** A word that says how something is; the colour only repeats it. */
export function Badge ({ tone, children, title }: { tone: Tone, children: ComponentChildren, title?: string }) {
  return <span class={`badge ${tone}`} {...(title === undefined ? {} : { title })}>{children}</span>
}
