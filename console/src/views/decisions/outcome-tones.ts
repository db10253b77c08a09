import type { Outcome } from '../../api/answers.js'
import type { Tone } from '../../parts/badge.js'

export const outcomeTones: Record<Outcome, Tone> = { running: 'quiet', completed: 'good', refused: 'warn', abandoned: 'quiet', failed: 'bad' }
