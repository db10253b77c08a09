import type { Point } from './strategies.js'

export interface Picture {
  flash: Point
  pro: Point
  /** By threshold, from keeping everything to keeping nothing. */
  cascade: readonly Point[]
  calibrated: Point | null
  title: string
}

const width = 760
const height = 460
const frame = { left: 70, right: 30, top: 60, bottom: 60 }

/** Accuracy over cost: the two tiers, the line of choosing at random between them, and the cascade's curve. */
export function drawStrategies ({ flash, pro, cascade, calibrated, title }: Picture): string {
  const points = [flash, pro, ...cascade]
  const [least, most] = [0, Math.max(...points.map(({ nanoUsd }) => nanoUsd)) * 1.05]
  const accuracies = points.map(({ accuracy }) => accuracy)
  const margin = Math.max(0.02, (Math.max(...accuracies) - Math.min(...accuracies)) * 0.2)
  const low = Math.max(0, Math.min(...accuracies) - margin)
  const high = Math.min(1, Math.max(...accuracies) + margin)
  const x = ({ nanoUsd }: Pick<Point, 'nanoUsd'>): string => (frame.left + (nanoUsd - least) / (most - least) * (width - frame.left - frame.right)).toFixed(1)
  const y = ({ accuracy }: Pick<Point, 'accuracy'>): string => (height - frame.bottom - (accuracy - low) / (high - low) * (height - frame.top - frame.bottom)).toFixed(1)
  const dot = (point: Point, colour: string, label: string, labelDown = 18): string =>
    `<circle cx="${x(point)}" cy="${y(point)}" r="6" fill="${colour}"/><text x="${Math.min(Number(x(point)) + 10, width - frame.right - 110)}" y="${Number(y(point)) + labelDown}">${label}: ${(point.accuracy * 100).toFixed(1)} %</text>`
  const ticks = Array.from({ length: 5 }, (_, index) => index / 4)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="10" y="24" font-size="15">${title}</text>`,
    ...ticks.map(share => {
      const accuracy = low + share * (high - low)
      return `<line x1="${frame.left}" x2="${width - frame.right}" y1="${y({ accuracy })}" y2="${y({ accuracy })}" stroke="#e5e7eb"/><text x="${frame.left - 8}" y="${Number(y({ accuracy })) + 4}" text-anchor="end">${(accuracy * 100).toFixed(0)} %</text>`
    }),
    ...ticks.map(share => {
      const nanoUsd = least + share * (most - least)
      return `<text x="${x({ nanoUsd })}" y="${height - frame.bottom + 20}" text-anchor="middle">$${(nanoUsd / 1e6).toFixed(4)}</text>`
    }),
    `<text x="${width / 2}" y="${height - 14}" text-anchor="middle">cost of a thousand requests</text>`,
    '<text x="10" y="48">right answers</text>',
    `<line x1="${x(flash)}" y1="${y(flash)}" x2="${x(pro)}" y2="${y(pro)}" stroke="#9ca3af" stroke-dasharray="5 4"/>`,
    `<polyline fill="none" stroke="#2563eb" stroke-width="2" points="${cascade.map(point => `${x(point)},${y(point)}`).join(' ')}"/>`,
    dot(flash, '#f59e0b', 'always Flash'),
    dot(pro, '#7c3aed', 'always Pro', -10),
    ...(calibrated === null ? [] : [dot(calibrated, '#2563eb', `cascade, ${(calibrated.proShare * 100).toFixed(0)} % repeated`, -10)]),
    `<text x="${width - frame.right}" y="${frame.top - 6}" text-anchor="end" fill="#6b7280">dashed: a random choice · blue: the cascade by threshold</text>`,
    '</svg>',
    ''
  ].join('\n')
}
