/**
 * Remembers the calls we handed out, by id: what the model itself wrote, so that the next turn replays those bytes (and
 * meets the prefix cache) instead of a re-rendering, and the reasoning that clients often drop.
 *
 * Ids are unguessable, so knowing one is proof of having received it.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Conversation, Message, ToolCall } from '../../language/conversation.js'

export interface OwnCall {
  name: string
  argumentsText: string
  rawText: string
  reasoning: string
  /** What the engine named it, when it names calls itself; ours is what the client knows, since theirs can be guessed. */
  engineId?: string | null
}

export interface CallStore {
  get (id: string): OwnCall | undefined
  set (id: string, call: OwnCall): void
}

export interface CallStoreLimits {
  maxCalls: number
  /** Over all remembered text, in UTF-16 code units. */
  maxCharacters: number
}

export function createCallStore ({ maxCalls, maxCharacters }: CallStoreLimits): CallStore {
  const calls = new Map<string, OwnCall>()
  let characters = 0

  function forget (id: string): void {
    const call = calls.get(id)
    if (call === undefined) return
    characters -= sizeOf(call)
    calls.delete(id)
  }

  return {
    get (id) {
      const call = calls.get(id)
      if (call === undefined) return undefined
      calls.delete(id)
      calls.set(id, call)
      return call
    },
    set (id, call) {
      forget(id)
      if (sizeOf(call) > maxCharacters) return
      calls.set(id, call)
      characters += sizeOf(call)
      for (const oldest of calls.keys()) {
        if (calls.size <= maxCalls && characters <= maxCharacters) break
        forget(oldest)
      }
    }
  }
}

/** The conversation with the model's own texts put back wherever the client returned a call unchanged. */
export function restoreOwnCalls (conversation: Conversation, store: CallStore): Conversation {
  return { ...conversation, messages: conversation.messages.map(message => restoreMessage(message, store)) }
}

function restoreMessage (message: Message, store: CallStore): Message {
  if (message.role !== 'assistant' || message.toolCalls.length === 0) return message
  let { reasoning } = message
  const toolCalls = message.toolCalls.map((call): ToolCall => {
    const own = store.get(call.id)
    if (own === undefined || own.name !== call.name || !isSameJson(own.argumentsText, call.argumentsText)) return call
    if (reasoning === null || reasoning === '') reasoning = own.reasoning
    return { ...call, replayText: own.rawText, ...(own.engineId === undefined || own.engineId === null ? {} : { engineId: own.engineId }) }
  })
  return { ...message, reasoning, toolCalls }
}

/** Clients that get arguments as an object send them back in their own spelling, some with sorted keys. */
function isSameJson (own: string, given: string): boolean {
  if (own === given) return true
  try {
    return isDeepStrictEqual(JSON.parse(own), JSON.parse(given))
  } catch {
    return false
  }
}

function sizeOf (call: OwnCall): number {
  return call.name.length + call.argumentsText.length + call.rawText.length + call.reasoning.length
}
