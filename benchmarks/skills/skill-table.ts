/** What the minis are measured by: rows of skills, each with the share of right answers that was set as its threshold. Pure. */
import type { Judged } from './evaluation.js'

interface Measure {
  skills: readonly string[]
  /** Null: measured, without a threshold. For `multistep` it is pro-mini's. */
  needed: number | null
  counts?: 'isRight' | 'hasRightTools'
}

const measures: Record<string, Measure> = {
  'tool choice': { skills: ['tool_call', 'tool_parallel'], needed: 0.95, counts: 'hasRightTools' },
  'tool arguments': { skills: ['tool_call', 'tool_parallel'], needed: 0.95 },
  'JSON extraction': { skills: ['json'], needed: 0.95 },
  memory: { skills: ['memory'], needed: 0.95 },
  copying: { skills: ['repeat', 'reverse', 'count', 'extract'], needed: 0.95 },
  'identity and table facts': { skills: ['identity', 'facts'], needed: 0.98 },
  '"I don\'t know"': { skills: ['unknown'], needed: 0.9 },
  'two-digit sums': { skills: ['arithmetic'], needed: 0.95 },
  'multi-step arithmetic': { skills: ['multistep'], needed: 0.85 },
  'system prompts': { skills: ['system'], needed: null },
  'no call when none fits': { skills: ['tool_none'], needed: null },
  'answer from a result': { skills: ['tool_result'], needed: null },
  units: { skills: ['units'], needed: null },
  dates: { skills: ['dates'], needed: null },
  'small talk': { skills: ['smalltalk'], needed: null },
  'out of domain, polite': { skills: ['out_of_domain'], needed: null }
}

export interface SkillRow {
  name: string
  prompts: number
  /** Share of right answers, 0 to 1. */
  share: number
  needed: number | null
  isMet: boolean | null
}

/** @param tier multi-step sums are asked of pro only */
export function skillRows (judged: readonly Judged[], tier: 'flash' | 'pro'): SkillRow[] {
  return Object.entries(measures).flatMap(([name, { skills, needed, counts = 'isRight' }]) => {
    const answers = judged.filter(({ skill }) => skills.includes(skill))
    if (answers.length === 0) return []
    const share = answers.filter(answer => answer[counts]).length / answers.length
    const asked = name === 'multi-step arithmetic' && tier === 'flash' ? null : needed
    return [{ name, prompts: answers.length, share, needed: asked, isMet: asked === null ? null : share >= asked }]
  })
}

/** Mean reasoning tokens on multi-step sums, by effort. */
export function reasoningByEffort (judged: readonly Judged[]): Record<string, number> {
  const lengths: Record<string, number> = {}
  for (const effort of ['low', 'high', 'max'] as const) {
    const answers = judged.filter(answer => answer.skill === 'multistep' && answer.effort === effort)
    if (answers.length > 0) lengths[effort] = Math.round(answers.reduce((sum, { reasoningTokens }) => sum + reasoningTokens, 0) / answers.length)
  }
  return lengths
}

export function percent (share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

export function markdownTable (rows: readonly SkillRow[]): string {
  const verdict = ({ isMet }: SkillRow): string => isMet === null ? '' : isMet ? 'yes' : '**no**'
  return ['| skill | prompts | right | needed | met |', '|---|---|---|---|---|',
    ...rows.map(row => `| ${row.name} | ${row.prompts} | ${percent(row.share)} | ${row.needed === null ? '' : percent(row.needed)} | ${verdict(row)} |`)].join('\n')
}
