/**
 * What the mini checkpoints can do: every prompt of models/eval, greedy, through our own engine with the stored weights, judged by
 * the exact content and calls. Prints the table; `--write` puts it, with a picture, into each checkpoint's card.
 *
 *   npm run models:eval [-- --count 500] [--checkpoint flash-mini] [--write]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { drawSkills } from './draw-skills.js'
import { evaluate, readItems, type Judged } from './evaluation.js'
import { markdownTable, reasoningByEffort, skillRows } from './skill-table.js'

const { values } = parseArgs({ options: { count: { type: 'string', default: '500' }, checkpoint: { type: 'string', multiple: true }, write: { type: 'boolean', default: false } } })
const perSkill = Number(values.count)
const items = readItems('models/eval', perSkill)
for (const name of values.checkpoint ?? ['flash-mini', 'pro-mini']) {
  const tier = name.startsWith('pro') ? 'pro' : 'flash'
  const judged = await evaluate(`models/${name}`, tier, items, done => {
    if (done % 100 === 0 || done === items.length) process.stderr.write(`\r${name}: ${done} of ${items.length} prompts`)
  })
  const rows = skillRows(judged, tier)
  const lengths = reasoningByEffort(judged)
  process.stdout.write(`\n${name}\n\n${markdownTable(rows)}\n\nmean reasoning tokens by effort: ${JSON.stringify(lengths)}\n`)
  if (values.write) writeCard(name, rows, lengths, judged)
}

/** The measured part of a card stands between two marks; the rest is the training's. */
function writeCard (name: string, rows: ReturnType<typeof skillRows>, lengths: Record<string, number>, judged: readonly Judged[]): void {
  const folder = `models/${name}`
  const missed = rows.filter(({ isMet }) => isMet === false).map(row => row.name)
  const section = [
    `${perSkill} fresh prompts a skill (\`models/eval\`), greedy, through Gearbox's own engine with these weights; right means the exact content and the exact calls, whatever the reasoning was. \`npm run models:eval\` measures it again.`,
    '', markdownTable(rows), '',
    missed.length === 0 ? 'All thresholds are met.' : `Thresholds missed: ${missed.join(', ')}.`,
    '', `Mean reasoning tokens on multi-step sums: ${Object.entries(lengths).map(([effort, tokens]) => `${effort} ${tokens}`).join(', ')}.`,
    '', '![skills](skills.svg)'
  ].join('\n')
  const card = readFileSync(`${folder}/README.md`, 'utf8')
  const marked = /(<!-- measured -->\n)[^]*?(\n<!-- \/measured -->)/
  if (!marked.test(card)) throw new Error(`${folder}/README.md has no place marked for the measurement`)
  writeFileSync(`${folder}/README.md`, card.replace(marked, (_, open: string, close: string) => `${open}${section}${close}`))
  writeFileSync(`${folder}/skills.svg`, drawSkills(`${name}: right answers, ${perSkill} prompts a skill`, rows))
  const bySkill = Object.fromEntries([...new Set(judged.map(({ skill }) => skill))].map(skill => {
    const answers = judged.filter(answer => answer.skill === skill)
    return [skill, { prompts: answers.length, right: answers.filter(({ isRight }) => isRight).length }]
  }))
  writeFileSync(`${folder}/eval.json`, JSON.stringify({ name, decoding: 'greedy', rows, skills: bySkill, reasoningTokensByEffort: lengths }, null, 2) + '\n')
}
