/** Calendar days and months, UTC. `label` is `2026-11-24` or `2026-11`. */
export interface Period {
  label: string
  startMs: number
  endMs: number
}

export function dayOf (atMs: number): Period {
  const at = new Date(atMs)
  const startMs = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate())
  return { label: at.toISOString().slice(0, 10), startMs, endMs: startMs + 24 * 3600_000 }
}

export function monthOf (atMs: number): Period {
  const at = new Date(atMs)
  return {
    label: at.toISOString().slice(0, 7),
    startMs: Date.UTC(at.getUTCFullYear(), at.getUTCMonth()),
    endMs: Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1)
  }
}
