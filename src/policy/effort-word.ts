/** The efforts clients ask for by name, hardest last; far more than a checkpoint knows. */
export const effortWords = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'ultra', 'max'] as const
export type EffortWord = typeof effortWords[number]

export function isEffortWord (text: string): text is EffortWord {
  return (effortWords as readonly string[]).includes(text)
}

/** What a request itself says about thinking, all spellings merged; null = it does not say. */
export interface ThinkingRequest {
  isOn: boolean | null
  effort: Exclude<EffortWord, 'none'> | null
}
