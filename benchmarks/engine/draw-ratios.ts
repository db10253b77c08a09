import { ratioOf, type Row } from './measurement.js'

const width = 760
const rowHeight = 34
const left = 250
const top = 50

/** Bars of ours / llama.cpp for decode and prefill, with a line at 1. */
export function drawRatios (rows: readonly Row[]): string {
  const ratios = rows.map(row => ({ decode: ratioOf(row, 'decode'), prefill: ratioOf(row, 'prefill') }))
  const most = Math.max(1.2, ...ratios.flatMap(({ decode, prefill }) => [decode, prefill]))
  const scale = (width - left - 70) / most
  const bars = rows.map((row, index) => {
    const y = top + index * rowHeight
    const { decode = 0, prefill = 0 } = ratios[index] ?? {}
    return [
      `<text x="${left - 10}" y="${y + 16}" text-anchor="end">${row.model}, ${row.threads} thread${row.threads > 1 ? 's' : ''}, context ${row.context}</text>`,
      `<rect x="${left}" y="${y}" width="${(decode * scale).toFixed(1)}" height="12" fill="#2563eb"/><text x="${(left + decode * scale + 5).toFixed(1)}" y="${y + 11}">${decode.toFixed(2)}</text>`,
      `<rect x="${left}" y="${y + 14}" width="${(prefill * scale).toFixed(1)}" height="12" fill="#f59e0b"/><text x="${(left + prefill * scale + 5).toFixed(1)}" y="${y + 25}">${prefill.toFixed(2)}</text>`
    ].join('\n')
  })
  const height = top + rows.length * rowHeight + 20
  const one = left + scale
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    '<text x="10" y="20" font-size="15">Tokens per second, ours divided by llama.cpp\'s (right of the line: ours is faster)</text>',
    `<rect x="${left}" y="28" width="10" height="10" fill="#2563eb"/><text x="${left + 15}" y="37">decode</text>`,
    `<rect x="${left + 80}" y="28" width="10" height="10" fill="#f59e0b"/><text x="${left + 95}" y="37">prefill</text>`,
    ...bars,
    `<line x1="${one}" y1="${top - 6}" x2="${one}" y2="${height - 14}" stroke="#111" stroke-dasharray="4 3"/>`,
    '</svg>',
    ''
  ].join('\n')
}
