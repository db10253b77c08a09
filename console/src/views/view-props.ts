import type { Overview } from '../api/answers.js'

/** What every view is given. */
export interface ViewProps {
  /** What in the view is asked for, such as the id of a decision. */
  item: string | null
  overview: Overview | null
}
