export interface Bar {
  label: string
  value: number
  colour: string
}

const width = 760
const rowHeight = 24
const left = 250
const top = 40

/** Horizontal bars from 0, each with its figure. */
export function drawBars (title: string, bars: readonly Bar[]): string {
  const scale = (width - left - 80) / Math.max(...bars.map(({ value }) => value))
  const height = top + bars.length * rowHeight + 12
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="10" y="20" font-size="15">${title}</text>`,
    ...bars.map(({ label, value, colour }, index) => {
      const y = top + index * rowHeight
      return `<text x="${left - 10}" y="${y + 13}" text-anchor="end">${label}</text><rect x="${left}" y="${y}" width="${(value * scale).toFixed(1)}" height="16" fill="${colour}"/><text x="${(left + value * scale + 6).toFixed(1)}" y="${y + 13}">${value >= 100 ? value.toFixed(0) : value.toPrecision(3)}</text>`
    }),
    '</svg>',
    ''
  ].join('\n')
}
