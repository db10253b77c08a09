import type { AnswerIdentity } from '../answer.js'

/** Also the signature of the message's thinking blocks, as upstream: it proves nothing, and nobody checks it. */
export function messageId ({ id }: AnswerIdentity): string {
  return `msg_${id.replaceAll('-', '')}`
}
