/** The lines of a batch's input file: `{"custom_id", "method", "url", "body"}` each, all of them good or the batch fails. */
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { memberSpans } from '../dialects/member-spans.js'
import type { BatchLine, BatchRecord, BatchStore } from '../stores/batch-store.js'
import { longestCustomId, mostLineBytes, mostLines } from './batch-rules.js'

export type LineError = BatchRecord['errors'][number]

const lineSchema = z.looseObject({
  custom_id: z.string().min(1).max(longestCustomId),
  method: z.literal('POST'),
  url: z.string(),
  body: z.record(z.string(), z.unknown())
})

const mostErrors = 100
const linesPerWrite = 200

interface ReadOptions {
  batch: Pick<BatchRecord, 'id' | 'endpoint'>
  content: Readable
  store: BatchStore
  signal: AbortSignal
}

/** Puts the lines into the store, in place of what an earlier try had put there. */
export async function readRequests ({ batch, content, store, signal }: ReadOptions): Promise<{ total: number, errors: LineError[] }> {
  store.clearLines(batch.id)
  const errors: LineError[] = []
  let total = 0
  let pending: BatchLine[] = []
  const flush = (): void => {
    const twice = store.addLines(batch.id, pending)
    if (twice !== null) errors.push({ code: 'duplicate_custom_id', message: `custom_id '${twice.customId.slice(0, 80)}' comes twice`, line: twice.line, param: 'custom_id' })
    pending = []
  }
  let number = 0
  for await (const text of linesOf(content)) {
    signal.throwIfAborted()
    number++
    if (text.trim() === '') continue
    total++
    const parsed = total > mostLines ? { code: 'too_many_requests', message: `A batch has at most ${mostLines} requests`, param: null } : parseLine(text, batch.endpoint)
    if ('code' in parsed) errors.push({ ...parsed, line: number })
    else pending.push({ ...parsed, line: number })
    if (pending.length >= linesPerWrite) flush()
    if (errors.length >= mostErrors || total > mostLines) break
  }
  flush()
  if (total === 0) errors.push({ code: 'empty_file', message: 'The input file has no requests', line: null, param: 'input_file_id' })
  return { total, errors }
}

function parseLine (text: string, endpoint: string): Omit<BatchLine, 'line'> | Omit<LineError, 'line'> {
  if (Buffer.byteLength(text) > mostLineBytes) return { code: 'request_too_large', message: `A line has at most ${mostLineBytes} bytes`, param: null }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { code: 'invalid_json_line', message: 'This line is not valid JSON', param: null }
  }
  const result = lineSchema.safeParse(value)
  if (!result.success) {
    const [issue] = result.error.issues
    const param = issue === undefined || issue.path.length === 0 ? null : issue.path.map(String).join('.')
    return { code: 'invalid_request', message: `${param ?? 'The line'}: ${issue?.message ?? 'not a request'}`, param }
  }
  const { custom_id: customId, url, body } = result.data
  if (url !== endpoint) return { code: 'mismatched_endpoint', message: `url must be the batch's endpoint, ${endpoint}`, param: 'url' }
  if (body['stream'] === true) return { code: 'invalid_request', message: 'A batch cannot stream', param: 'body.stream' }
  // As it was written: schemas reach the model with their order of keys and spelling of numbers.
  const span = memberSpans(text).get('body')
  return { customId, request: span === undefined ? JSON.stringify(body) : text.slice(span.start, span.end) }
}

/** A line that is too long is cut: it comes out as one that is too long. */
async function * linesOf (content: Readable): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of content) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n')
    rest = (lines.pop() ?? '').slice(0, mostLineBytes + 1)
    yield * lines
  }
  yield rest + decoder.decode()
}
