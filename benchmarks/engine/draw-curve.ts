export interface Curve {
  name: string
  colour: string
  /** In order of x. */
  points: ReadonlyArray<readonly [x: number, y: number]>
}

export interface Panel {
  title: string
  curves: readonly Curve[]
}

const width = 760
const panelHeight = 260
const left = 70
const right = 20
const top = 46
const bottom = 40

/** Panels one above another, x on a scale of doublings, y from 0. */
export function drawCurves (panels: readonly Panel[], xLabel: (x: number) => string): string {
  const height = panels.length * panelHeight
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...panels.map((panel, index) => `<g transform="translate(0 ${index * panelHeight})">\n${drawPanel(panel, xLabel)}\n</g>`),
    '</svg>',
    ''
  ].join('\n')
}

function drawPanel ({ title, curves }: Panel, xLabel: (x: number) => string): string {
  const points = curves.flatMap(curve => curve.points)
  const xs = [...new Set(points.map(([x]) => x))].toSorted((a, b) => a - b)
  const [first = 1, last = 1] = [xs[0], xs.at(-1)]
  const most = Math.max(...points.map(([, y]) => y)) * 1.1
  const placeX = (x: number): number => left + (width - left - right) * (last === first ? 0 : Math.log2(x / first) / Math.log2(last / first))
  const placeY = (y: number): number => panelHeight - bottom - (panelHeight - top - bottom) * y / most
  return [
    `<text x="10" y="20" font-size="15">${title}</text>`,
    ...xs.map(x => `<text x="${placeX(x).toFixed(1)}" y="${panelHeight - bottom + 18}" text-anchor="middle">${xLabel(x)}</text>`),
    ...[0, 0.25, 0.5, 0.75, 1].map(part => {
      const y = placeY(most * part).toFixed(1)
      return `<line x1="${left}" y1="${y}" x2="${width - right}" y2="${y}" stroke="#ddd"/><text x="${left - 8}" y="${y}" dy="4" text-anchor="end">${axisLabel(most * part)}</text>`
    }),
    ...curves.flatMap(({ name, colour, points: own }, index) => [
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${own.map(([x, y]) => `${placeX(x).toFixed(1)},${placeY(y).toFixed(1)}`).join(' ')}"/>`,
      ...own.map(([x, y]) => `<circle cx="${placeX(x).toFixed(1)}" cy="${placeY(y).toFixed(1)}" r="3" fill="${colour}"/>`),
      `<rect x="${left + index * 220}" y="29" width="10" height="10" fill="${colour}"/><text x="${left + 15 + index * 220}" y="38">${name}</text>`
    ])
  ].join('\n')
}

function axisLabel (value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
