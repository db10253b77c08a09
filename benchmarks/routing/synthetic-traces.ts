/**
 * Made-up traces in the published formats, with the published means: the real files cannot be had on a machine without
 * network. Deterministic; what they came out as is printed beside what was aimed at.
 */

/** mulberry32. */
export function randomFrom (seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

type Random = () => number

function normal (random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Log-normal by its median and mean. */
function skewed (random: Random, { median, mean }: { median: number, mean: number }): number {
  const sigma = Math.sqrt(2 * Math.log(Math.max(1.0001, mean / median)))
  return Math.max(1, Math.round(median * Math.exp(sigma * normal(random))))
}

function exponential (random: Random, mean: number): number {
  return -mean * Math.log(1 - random())
}

export interface AzureShape {
  prompt: { median: number, mean: number }
  answer: { median: number, mean: number }
  requestsPerSecond: number
  requests: number
}

/** The 2023 traces' conversation and code services, by their published medians and means. */
export const azureShapes = {
  conversation: { prompt: { median: 1020, mean: 1155 }, answer: { median: 129, mean: 211 }, requestsPerSecond: 5.5, requests: 6000 },
  code: { prompt: { median: 1500, mean: 2048 }, answer: { median: 13, mean: 28 }, requestsPerSecond: 2.6, requests: 6000 }
} satisfies Record<string, AzureShape>

export function azureTrace ({ prompt, answer, requestsPerSecond, requests }: AzureShape, seed: number): string {
  const random = randomFrom(seed)
  let at = Date.UTC(2023, 10, 16, 18)
  const rows = Array.from({ length: requests }, () => {
    at += exponential(random, 1000 / requestsPerSecond)
    return `${new Date(at).toISOString().replace('T', ' ').replace('Z', '')}0000,${skewed(random, prompt)},${skewed(random, answer)}`
  })
  return ['TIMESTAMP,ContextTokens,GeneratedTokens', ...rows, ''].join('\n')
}

interface MooncakeRow {
  timestamp: number
  input_length: number
  output_length: number
  hash_ids: number[]
}

const hashedTokens = 512

class HashIds {
  #next = 0

  fresh (count: number): number[] {
    return Array.from({ length: count }, () => this.#next++)
  }
}

function row (at: number, ids: number[], answer: number, random: Random): MooncakeRow {
  // The last block is not full.
  const rest = Math.floor(random() * hashedTokens)
  return { timestamp: Math.round(at), input_length: ids.length * hashedTokens - rest, output_length: answer, hash_ids: ids }
}

function toJsonl (rows: MooncakeRow[], requests: number): string {
  return rows.sort((one, other) => one.timestamp - other.timestamp).slice(0, requests).map(each => JSON.stringify(each)).join('\n') + '\n'
}

export interface ConversationShape {
  /** Tokens that a conversation begins with, and that each turn adds. */
  first: { median: number, mean: number }
  added: { median: number, mean: number }
  meanTurns: number
  meanPauseMs: number
  answer: { median: number, mean: number }
  conversationsPerSecond: number
  requests: number
}

/** Mooncake's conversation trace: 12,031 requests an hour, 12,035 tokens in and 343 out on average, at best 40 % cached. */
export const conversationShape: ConversationShape = {
  first: { median: 3500, mean: 7300 },
  added: { median: 1900, mean: 4500 },
  meanTurns: 2.6,
  meanPauseMs: 45_000,
  answer: { median: 250, mean: 343 },
  conversationsPerSecond: 1.3,
  requests: 5000
}

export function conversationTrace (shape: ConversationShape, seed: number): string {
  const random = randomFrom(seed)
  const ids = new HashIds()
  const rows: MooncakeRow[] = []
  // Enough conversations that the later turns of the first ones have come in when the trace ends.
  const conversations = Math.ceil(1.5 * shape.requests / shape.meanTurns)
  let begins = 0
  for (let conversation = 0; conversation < conversations; conversation++) {
    begins += exponential(random, 1000 / shape.conversationsPerSecond)
    let at = begins
    let prompt = ids.fresh(blocksOf(skewed(random, shape.first)))
    do {
      rows.push(row(at, prompt, skewed(random, shape.answer), random))
      at += exponential(random, shape.meanPauseMs)
      // The block that was not full is another one when the next turn fills it.
      prompt = [...prompt.slice(0, -1), ...ids.fresh(1 + blocksOf(skewed(random, shape.added)))]
    } while (random() > 1 / shape.meanTurns && prompt.length < 250)
  }
  return toJsonl(rows, shape.requests)
}

export interface SharedPrefixShape {
  /** Prefixes that many requests share, each with its own popularity (Zipf). */
  prefixes: number
  zipf: number
  prefix: { median: number, mean: number }
  own: { median: number, mean: number }
  answer: { median: number, mean: number }
  requestsPerSecond: number
  requests: number
}

/** Mooncake's tool and agent trace: 23,608 requests an hour, 8,596 tokens in and 182 out on average, at best 59 % cached. */
export const toolAgentShape: SharedPrefixShape = {
  prefixes: 400,
  zipf: 0.8,
  prefix: { median: 4500, mean: 5600 },
  own: { median: 1500, mean: 3000 },
  answer: { median: 30, mean: 182 },
  requestsPerSecond: 6.6,
  requests: 6000
}

/** As llm-d measured: 150 tenants with a context of 6,000 tokens, questions of 1,200. */
export const tenantsShape: SharedPrefixShape = {
  prefixes: 150,
  zipf: 0,
  prefix: { median: 6000, mean: 6001 },
  own: { median: 1150, mean: 1200 },
  answer: { median: 180, mean: 200 },
  requestsPerSecond: 10,
  requests: 6000
}

export function sharedPrefixTrace (shape: SharedPrefixShape, seed: number): string {
  const random = randomFrom(seed)
  const ids = new HashIds()
  const prefixes = Array.from({ length: shape.prefixes }, () => ids.fresh(blocksOf(skewed(random, shape.prefix))))
  const weights = prefixes.map((_, rank) => (rank + 1) ** -shape.zipf)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const rows: MooncakeRow[] = []
  let at = 0
  for (let request = 0; request < shape.requests; request++) {
    at += exponential(random, 1000 / shape.requestsPerSecond)
    let point = random() * total
    const prefix = prefixes.find((_, rank) => (point -= weights[rank] ?? 0) <= 0) ?? []
    rows.push(row(at, [...prefix, ...ids.fresh(blocksOf(skewed(random, shape.own)))], skewed(random, shape.answer), random))
  }
  return toJsonl(rows, shape.requests)
}

function blocksOf (tokens: number): number {
  return Math.max(1, Math.round(tokens / hashedTokens))
}
