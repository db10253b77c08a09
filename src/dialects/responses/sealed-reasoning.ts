/**
 * Reasoning in the form that clients keep without reading: some drop the text of a reasoning item and send back only its
 * `encrypted_content`. The text is no secret (it stands beside it), so it is packed, not encrypted.
 */
const mark = 'v4.'

export function sealReasoning (text: string): string {
  return mark + Buffer.from(text, 'utf8').toString('base64url')
}

/** null when it was not sealed here. */
export function openReasoning (sealed: string): string | null {
  return sealed.startsWith(mark) ? Buffer.from(sealed.slice(mark.length), 'base64url').toString('utf8') : null
}
