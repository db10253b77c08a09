/**
 * A conversation as the text the model was trained on: the serving form of V4 encoding, sections 3.2 to 8. Unlike in
 * the reference, each assistant turn writes its own header, so odd orders of messages still make a sane prompt.
 */
import { assistantStart, beginOfSentence, endOfSentence, latestReminder, thinkEnd, thinkStart, userStart } from '../control-tokens.js'
import type { AssistantMessage, Conversation, Effort, EffortLadder, QuickTask, ToolDefinition } from '../conversation.js'
import { effortText } from './effort-text.js'
import { PromptWriter } from './prompt-writer.js'
import type { RenderedPrompt } from './rendered-prompt.js'
import { toolCallsOpener, writeToolCalls } from './tool-calls.js'
import { writeResponseFormat, writeToolsSection } from './tools-section.js'
import { type Dialogue, toDialogue, type UserTurn } from './turns.js'

export interface RenderOptions {
  effort: Effort
  ladder: EffortLadder
}

export function renderConversation (conversation: Conversation, { effort, ladder }: RenderOptions): RenderedPrompt {
  const dialogue = toDialogue(conversation.messages)
  const tools = offeredTools(conversation)
  const writer = new PromptWriter()
  writer.template(beginOfSentence + effortText(ladder, effort))
  writer.data(dialogue.systemText)
  writeToolsSection(writer, tools)
  writeResponseFormat(writer, conversation.responseFormat)

  const isThinking = effort !== 'none'
  const { toolChoice } = conversation
  const isCallForced = !isThinking && tools.length > 0 && (toolChoice.kind === 'required' || toolChoice.kind === 'named')
  const end = writeTurns(writer, dialogue, { isThinking, keepsAllReasoning: tools.length > 0 })
  if (!isCallForced) return { pieces: writer.pieces, ...end }
  writer.template(toolCallsOpener)
  return { pieces: writer.pieces, start: 'tool-calls', isContinuation: false }
}

/** With tool_choice `none` the section is left out: a model that sees it writes calls. */
function offeredTools ({ tools, toolChoice }: Conversation): ToolDefinition[] {
  if (toolChoice.kind === 'none') return []
  return toolChoice.kind === 'named' ? tools.filter(tool => tool.name === toolChoice.name) : tools
}

interface ThinkingRule {
  isThinking: boolean
  /** While tools are offered no reasoning is dropped; otherwise only that after the last user turn is kept. */
  keepsAllReasoning: boolean
}

type PromptEnd = Omit<RenderedPrompt, 'pieces'>

function writeTurns (writer: PromptWriter, { turns }: Dialogue, rule: ThinkingRule): PromptEnd {
  const lastUserTurn = turns.findLastIndex(turn => turn.kind === 'user')
  let pendingTask: QuickTask | null = null
  for (const [index, turn] of turns.entries()) {
    const answersTask = pendingTask !== null
    pendingTask = null
    if (turn.kind === 'reminder') {
      writer.template(latestReminder)
      writer.data(turn.text)
    } else if (turn.kind === 'user') {
      writeUserTurn(writer, turn)
      pendingTask = turn.task
      writeTask(writer, pendingTask, rule.isThinking)
    } else {
      const { message } = turn
      const keepsReasoning = rule.isThinking && (rule.keepsAllReasoning || index > lastUserTurn)
      if (message.isPrefix && index === turns.length - 1) return writePrefix(writer, message, { isThinking: rule.isThinking, answersTask })
      if (!answersTask) writeThinking(writer, keepsReasoning ? message.reasoning ?? '' : null)
      writer.data(message.content)
      writeToolCalls(writer, message.toolCalls)
      writer.template(endOfSentence)
      pendingTask = message.task ?? null
      writeTask(writer, pendingTask, rule.isThinking)
    }
  }
  return pendingTask === null ? writeGenerationPrompt(writer, rule.isThinking) : { start: 'content', isContinuation: false }
}

function writeUserTurn (writer: PromptWriter, turn: UserTurn): void {
  writer.template(userStart)
  for (const [index, block] of turn.blocks.entries()) {
    const isResult = block.toolCallId !== undefined
    writer.template(`${index > 0 ? '\n\n' : ''}${isResult ? '<tool_result>' : ''}`)
    writer.data(block.text)
    if (isResult) writer.template('</tool_result>')
  }
}

/** `null` for a turn without reasoning; '' leaves an empty pair, as where a client did not send it back. */
function writeThinking (writer: PromptWriter, reasoning: string | null): void {
  writer.template(assistantStart)
  if (reasoning !== null) {
    writer.template(thinkStart)
    writer.data(reasoning)
  }
  writer.template(thinkEnd)
}

/** One-word tasks: `action` is asked in the assistant's place, the others directly after the text. */
function writeTask (writer: PromptWriter, task: QuickTask | null, isThinking: boolean): void {
  if (task === 'action') writer.template(assistantStart + (isThinking ? thinkStart : thinkEnd))
  if (task !== null) writer.template(`<｜${task}｜>`)
}

function writeGenerationPrompt (writer: PromptWriter, isThinking: boolean): PromptEnd {
  writer.template(assistantStart + (isThinking ? thinkStart : thinkEnd))
  return { start: isThinking ? 'reasoning' : 'content', isContinuation: false }
}

/** The answer has begun already: no end token, and reasoning stays open when there is nothing after it. */
function writePrefix (writer: PromptWriter, message: AssistantMessage, { isThinking, answersTask }: { isThinking: boolean, answersTask: boolean }): PromptEnd {
  const reasoning = isThinking ? message.reasoning ?? '' : ''
  const hasAnswer = message.content !== '' || message.toolCalls.length > 0
  if (!hasAnswer && !answersTask) {
    const end = writeGenerationPrompt(writer, isThinking)
    writer.data(reasoning)
    return { ...end, isContinuation: reasoning !== '' }
  }
  if (!answersTask) writeThinking(writer, isThinking ? reasoning : null)
  writer.data(message.content)
  writeToolCalls(writer, message.toolCalls)
  return { start: 'content', isContinuation: hasAnswer }
}
