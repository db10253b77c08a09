export interface DrawnTrace {
  name: string
  bars: Array<{ name: string, tokensPerSecond: number }>
}

const width = 820
const left = 260
const barHeight = 16
const gap = 34
const colours = ['#94a3b8', '#64748b', '#f59e0b', '#fbbf24', '#2563eb']

/** Sustained tokens per second, a group of bars for each trace. */
export function drawSustained (traces: readonly DrawnTrace[]): string {
  const most = Math.max(1, ...traces.flatMap(({ bars }) => bars.map(({ tokensPerSecond }) => tokensPerSecond)))
  const scale = (width - left - 90) / most
  let y = 44
  const parts: string[] = []
  for (const { name, bars } of traces) {
    parts.push(`<text x="10" y="${y + 12}" font-weight="bold">${name}</text>`)
    y += 20
    for (const [index, bar] of bars.entries()) {
      const length = bar.tokensPerSecond * scale
      parts.push(`<text x="${left - 8}" y="${y + 12}" text-anchor="end">${bar.name}</text><rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight - 3}" fill="${colours[index % colours.length]}"/><text x="${(left + length + 5).toFixed(1)}" y="${y + 12}">${Math.round(bar.tokensPerSecond).toLocaleString('en')}</text>`)
      y += barHeight
    }
    y += gap - barHeight
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 10}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${y + 10}" fill="white"/>`,
    '<text x="10" y="22" font-size="15">Tokens per second sustained, prompt and answer, eight simulated workers</text>',
    ...parts,
    '</svg>',
    ''
  ].join('\n')
}
