/**
 * Messages as the turns the model knows: user and tool messages in a row are one turn, a late system message is text
 * of the user (the serving form of V4 encoding, section 3.2).
 */
import type { AssistantMessage, Message, QuickTask } from '../conversation.js'

export interface Block {
  text: string
  /** Set when the text is the result of a call. */
  toolCallId?: string
}

export interface UserTurn {
  kind: 'user'
  blocks: Block[]
  task: QuickTask | null
}

export type Turn = UserTurn | { kind: 'assistant', message: AssistantMessage } | { kind: 'reminder', text: string }

export interface Dialogue {
  /** All leading system messages. */
  systemText: string
  turns: Turn[]
}

export function toDialogue (messages: readonly Message[]): Dialogue {
  const firstOther = messages.findIndex(message => message.role !== 'system')
  const leading = messages.slice(0, firstOther === -1 ? messages.length : firstOther)
  const turns: Turn[] = []
  for (const message of messages.slice(leading.length)) addMessage(turns, message)
  sortResults(turns)
  return {
    systemText: leading.map(message => message.content).filter(text => text !== '').join('\n\n'),
    turns
  }
}

function addMessage (turns: Turn[], message: Message): void {
  switch (message.role) {
    case 'assistant':
      turns.push({ kind: 'assistant', message })
      return
    case 'latest_reminder':
      turns.push({ kind: 'reminder', text: message.content })
      return
    case 'system':
      if (message.content !== '') addBlock(turns, { text: message.content })
      return
    case 'tool':
      addBlock(turns, { text: message.content, toolCallId: message.toolCallId })
      return
    case 'user': {
      const turn = addBlock(turns, { text: message.content })
      turn.task = message.task ?? null
    }
  }
}

function addBlock (turns: Turn[], block: Block): UserTurn {
  const last = turns.at(-1)
  if (last?.kind === 'user' && (last.task === null || block.toolCallId !== undefined)) {
    last.blocks.push(block)
    return last
  }
  const turn: UserTurn = { kind: 'user', blocks: [block], task: null }
  turns.push(turn)
  return turn
}

/** Results stand in the order of the calls, not of arrival; unknown ids count as the first, texts keep their place. */
function sortResults (turns: Turn[]): void {
  let order = new Map<string, number>()
  for (const turn of turns) {
    if (turn.kind === 'assistant' && turn.message.toolCalls.length > 0) {
      const calls = turn.message.toolCalls.map((call, index) => [call.id, index] as const)
      order = new Map(calls.filter(([id]) => id !== ''))
    }
    if (turn.kind !== 'user') continue
    const position = (block: Block): number => order.get(block.toolCallId ?? '') ?? 0
    const sorted = turn.blocks.filter(isResult).sort((left, right) => position(left) - position(right))
    turn.blocks = turn.blocks.map(block => isResult(block) ? sorted.shift() ?? block : block)
  }
}

function isResult (block: Block): boolean {
  return block.toolCallId !== undefined
}
