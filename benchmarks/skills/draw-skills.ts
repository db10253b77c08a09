import { percent, type SkillRow } from './skill-table.js'

const [width, rowHeight, left, top] = [760, 26, 190, 50]
const barWidth = width - left - 80

/** A bar a skill, a mark at its threshold; what misses it is in another colour. */
export function drawSkills (title: string, rows: readonly SkillRow[]): string {
  const height = top + rows.length * rowHeight + 20
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="10" y="26" font-size="15">${title}</text>`,
    ...rows.flatMap((row, index) => {
      const y = top + index * rowHeight
      const colour = row.isMet === null ? '#9ca3af' : row.isMet ? '#16a34a' : '#f59e0b'
      const mark = left + (row.needed ?? 0) * barWidth
      return [
        `<text x="${left - 10}" y="${y + 15}" text-anchor="end">${row.name.replaceAll('"', '&quot;')}</text>`,
        `<rect x="${left}" y="${y + 3}" width="${(row.share * barWidth).toFixed(1)}" height="16" fill="${colour}"/>`,
        ...(row.needed === null ? [] : [`<line x1="${mark.toFixed(1)}" x2="${mark.toFixed(1)}" y1="${y}" y2="${y + 22}" stroke="#111827" stroke-width="2"/>`]),
        `<text x="${left + barWidth + 10}" y="${y + 15}">${percent(row.share)}</text>`
      ]
    }),
    `<text x="${width - 10}" y="26" text-anchor="end" fill="#6b7280">line: the threshold · green: met · amber: missed · grey: none set</text>`,
    '</svg>',
    ''
  ].join('\n')
}
