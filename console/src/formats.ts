/** Figures as people read them. A figure nobody knows is a dash, never 0. */
export const unknown = '–'

const counts = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const shortCounts = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

export function formatCount (value: number | null): string {
  if (value === null) return unknown
  return Math.abs(value) < 10_000 ? counts.format(value) : shortCounts.format(value)
}

export function formatRate (value: number | null): string {
  if (value === null) return unknown
  return value > 0 && value < 10 ? value.toFixed(1) : formatCount(value)
}

export function formatMs (milliseconds: number | null): string {
  if (milliseconds === null) return unknown
  if (milliseconds < 10) return `${Number(milliseconds.toFixed(1))} ms`
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  return formatSeconds(milliseconds / 1000)
}

export function formatSeconds (seconds: number | null): string {
  if (seconds === null) return unknown
  if (seconds < 60) return `${seconds === 0 ? 0 : Number(seconds.toFixed(seconds < 10 ? 2 : 1))} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

export function formatShare (share: number | null): string {
  if (share === null) return unknown
  const percent = share * 100
  return `${percent > 0 && percent < 1 ? percent.toFixed(1) : Math.round(percent)} %`
}

/** Small amounts keep four digits that matter: a request often costs millionths. Not less than a nano-dollar. */
export function formatNanoUsd (nanoUsd: number | null): string {
  if (nanoUsd === null) return unknown
  const usd = nanoUsd / 1e9
  if (usd === 0) return '$0'
  if (usd >= 0.01) return `$${usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
  return `$${usd.toFixed(Math.min(9, 3 - Math.floor(Math.log10(usd)))).replace(/0+$/, '')}`
}

export function formatClock (instant: string | number): string {
  return new Date(instant).toLocaleTimeString('en-GB')
}

export function formatDate (instant: number): string {
  return new Date(instant).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
}

export function formatAgo (instant: string | number, nowMs = Date.now()): string {
  const seconds = Math.max(0, Math.round((nowMs - new Date(instant).getTime()) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}
