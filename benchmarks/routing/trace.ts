/**
 * Public request traces as they are published: Azure's LLM inference traces (CSV: TIMESTAMP,ContextTokens,GeneratedTokens) and
 * Mooncake's (JSONL with timestamp in milliseconds, input_length, output_length and hash_ids, one id for each 512 tokens of
 * the prompt and everything before them).
 */
import { z } from 'zod'
import { BlockChain } from '../../src/dispatch/block-chain.js'

export interface TraceRequest {
  /** Milliseconds since the first request. */
  at: number
  promptTokens: number
  answerTokens: number
  /** Of the prompt, which has no tokens of its own: those of one hash id are the same wherever it occurs. */
  chain: BlockChain
}

const hashedTokens = 512

const mooncakeRow = z.object({
  timestamp: z.number(),
  input_length: z.int().min(1),
  output_length: z.int().min(0),
  hash_ids: z.array(z.int())
})

/** @param limit requests at most @throws Error naming the line that is in neither format */
export function readTrace (text: string, limit = Infinity): TraceRequest[] {
  const lines = text.split(/\r?\n/).map((line, index) => ({ line, number: index + 1 })).filter(({ line }) => line.trim() !== '')
  const isCsv = lines[0]?.line.startsWith('TIMESTAMP') === true
  const rows = lines.slice(isCsv ? 1 : 0).slice(0, limit).map(({ line, number }) => isCsv ? azureRow(line, number) : mooncakeRequest(line, number))
  const start = rows[0]?.at ?? 0
  return rows.map(row => ({ ...row, at: row.at - start })).sort((one, other) => one.at - other.at)
}

/** Nothing is said of prefixes: every prompt is taken for a new one. */
function azureRow (line: string, number: number): TraceRequest {
  const [timestamp = '', context, generated] = line.split(',')
  // Seven digits of seconds, and in the older trace no zone.
  const at = Date.parse(`${timestamp.trim().replace(' ', 'T').replace(/(\.\d{3})\d*/, '$1').replace(/([+-]\d\d:\d\d|Z)$/, '')}Z`)
  const [promptTokens, answerTokens] = [Number(context), Number(generated)]
  if (!Number.isFinite(at) || !Number.isInteger(promptTokens) || !Number.isInteger(answerTokens)) throw new Error(`line ${number} is not TIMESTAMP,ContextTokens,GeneratedTokens: ${line}`)
  return { at, promptTokens: Math.max(1, promptTokens), answerTokens: Math.max(1, answerTokens), chain: chainOf([-number], promptTokens, promptTokens) }
}

function mooncakeRequest (line: string, number: number): TraceRequest {
  const parsed = mooncakeRow.safeParse(parseJson(line))
  if (!parsed.success) throw new Error(`line ${number} is not a row of a Mooncake trace: ${line.slice(0, 100)}`)
  const { timestamp, input_length: promptTokens, output_length: answerTokens, hash_ids: hashIds } = parsed.data
  return { at: timestamp, promptTokens, answerTokens: Math.max(1, answerTokens), chain: chainOf(hashIds, promptTokens, hashedTokens) }
}

function chainOf (ids: readonly number[], promptTokens: number, tokensPerId: number): BlockChain {
  const chain = new BlockChain('')
  const tokens = new Int32Array(tokensPerId)
  let left = promptTokens
  for (const id of ids) {
    for (let position = 0; position < tokensPerId; position++) tokens[position] = Math.imul(id, 0x9e3779b1) ^ position
    chain.add(left >= tokensPerId ? tokens : tokens.subarray(0, left))
    left -= Math.min(left, tokensPerId)
  }
  return chain
}

function parseJson (line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
