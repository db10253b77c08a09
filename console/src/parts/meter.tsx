import { formatShare } from '../formats.js'

/** A share from 0 to 1 as a bar with its figure. */
export function Meter ({ label, share, text }: { label: string, share: number | null, text?: string }) {
  const value = Math.min(1, Math.max(0, share ?? 0))
  const tone = value >= 0.95 ? 'bad' : value >= 0.75 ? 'warn' : 'good'
  return (
    <div class='meter'>
      <div class='meter-track' role='meter' aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(value * 100)} aria-valuetext={text ?? formatShare(share)}>
        <div class={`meter-fill ${tone}`} style={{ width: `${value * 100}%` }} />
      </div>
      <span class='figure'>{text ?? formatShare(share)}</span>
    </div>
  )
}
