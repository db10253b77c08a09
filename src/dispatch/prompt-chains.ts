/**
 * Chains of prompts, without hashing the history of a conversation again with every turn: what is the same as in an
 * earlier prompt is compared, which costs a fraction of hashing it, and its hashes are taken over.
 */
import { BlockChain, blockTokens } from './block-chain.js'

export interface PromptChainsOptions {
  /** Tokens of earlier prompts that are remembered, 4 bytes each. */
  keptTokens?: number
  /** Shorter prompts are hashed outright. */
  minTokens?: number
}

interface EarlierPrompt {
  key: string
  tokenIds: Int32Array
  chain: BlockChain
}

/** Conversations that begin alike (one system prompt, say) and are told apart by comparing. */
const promptsPerRoot = 4

export class PromptChains {
  readonly #keptTokens: number
  readonly #minTokens: number
  /** The latest last; by the salt and the session, or the first tokens. */
  readonly #earlier = new Map<string, EarlierPrompt[]>()
  #tokens = 0

  constructor ({ keptTokens = 4_000_000, minTokens = 8 * blockTokens }: PromptChainsOptions = {}) {
    this.#keptTokens = keptTokens
    this.#minTokens = minTokens
  }

  /** Tokens remembered now. */
  get tokens (): number {
    return this.#tokens
  }

  /** The chain of a prompt; it is the caller's to go on with. */
  chainOf (tokenIds: readonly number[], { salt = '', session = null }: { salt?: string, session?: string | null } = {}): BlockChain {
    if (tokenIds.length < this.#minTokens) {
      const chain = new BlockChain(salt)
      chain.add(tokenIds)
      return chain
    }
    const key = `${salt} ${session ?? tokenIds.slice(0, blockTokens).join(' ')}`
    const { prompt, blocks } = this.#closest(key, tokenIds)
    const chain = prompt === null || blocks === 0 ? new BlockChain(salt) : prompt.chain.upTo(blocks)
    chain.add(tokenIds, blocks * blockTokens)
    this.#remember({ key, tokenIds: new Int32Array(tokenIds), chain: chain.hashes.length === 0 ? chain : chain.upTo(chain.hashes.length) }, prompt, blocks)
    return chain
  }

  #closest (key: string, tokenIds: readonly number[]): { prompt: EarlierPrompt | null, blocks: number } {
    let closest: EarlierPrompt | null = null
    let blocks = 0
    for (const prompt of this.#earlier.get(key) ?? []) {
      const common = Math.floor(commonLength(prompt.tokenIds, tokenIds) / blockTokens)
      if (common >= blocks) [closest, blocks] = [prompt, common]
    }
    return { prompt: closest, blocks }
  }

  /** In place of the one that it goes on with; the longest unused go when there are too many. */
  #remember (prompt: EarlierPrompt, closest: EarlierPrompt | null, blocks: number): void {
    const { key } = prompt
    const isNextTurn = closest !== null && (blocks + 2) * blockTokens >= closest.tokenIds.length
    const others = (this.#earlier.get(key) ?? []).filter(other => !isNextTurn || other !== closest)
    if (others.length >= promptsPerRoot) others.shift()
    this.#forget(key)
    this.#earlier.set(key, [...others, prompt])
    this.#tokens += [...others, prompt].reduce((sum, { tokenIds }) => sum + tokenIds.length, 0)
    for (const oldest of this.#earlier.keys()) {
      if (this.#tokens <= this.#keptTokens) break
      this.#forget(oldest)
    }
  }

  #forget (key: string): void {
    for (const { tokenIds } of this.#earlier.get(key) ?? []) this.#tokens -= tokenIds.length
    this.#earlier.delete(key)
  }
}

function commonLength (one: Int32Array, other: readonly number[]): number {
  const most = Math.min(one.length, other.length)
  let length = 0
  while (length < most && one[length] === other[length]) length++
  return length
}
