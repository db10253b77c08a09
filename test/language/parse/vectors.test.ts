import t from 'tap'
import type { ToolDefinition } from '../../../src/language/conversation.js'
import type { JsonObject } from '../../../src/language/json/json-value.js'
import { createAnswerParser } from '../../../src/language/parse/answer-parser.js'
import { collectAnswer } from '../../../src/language/parse/collect-answer.js'
import { toToolDefinition } from '../render/vector-conversation.js'
import { asObject, asString, objectsOf, readVectors, textOf } from '../vectors.js'

function parse (vector: JsonObject, pieces: string[]) {
  const isThinking = vector.get('thinking_mode') === 'thinking'
  const parser = createAnswerParser({
    start: vector.get('tool_prefill') === true ? 'tool-calls' : isThinking ? 'reasoning' : 'content',
    isContinuation: false,
    tools: objectsOf(vector.get('tools')).map((tool): ToolDefinition => toToolDefinition(tool)),
    parsesTools: vector.get('parse_tools') !== false
  })
  const events = pieces.flatMap(piece => parser.push(piece))
  const { content, reasoning, toolCalls } = collectAnswer([...events, ...parser.end('length')])
  return { content, reasoning, calls: toolCalls.map(call => ({ name: call.name, arguments: call.argumentsText })) }
}

function expectedOf (vector: JsonObject) {
  const expected = asObject(vector.get('expected'))
  return {
    content: textOf(expected.get('content')),
    reasoning: textOf(expected.get('reasoning_content')),
    calls: objectsOf(expected.get('tool_calls')).map(call => {
      const shape = asObject(call.get('function') ?? call)
      return { name: asString(shape.get('name')), arguments: asString(shape.get('arguments')) }
    })
  }
}

for (const path of ['encoding/parse_reference.json', 'encoding/parse_malformed.json']) {
  for (const vector of readVectors(path)) {
    await t.test(`${path}: ${asString(vector.get('id'))}`, async t => {
      const characters = Array.from(asString(vector.get('text')))
      const whole = parse(vector, [characters.join('')])
      // The strict reference refuses some of these; the tolerant machine only has to be the same for every cut.
      if (vector.has('expected')) t.same(whole, expectedOf(vector))
      t.same(parse(vector, characters), whole, 'character by character')
      t.same(parse(vector, characters.join('').split('')), whole, 'halves of characters')
      for (let cut = 1; cut < characters.length; cut++) {
        const cutResult = parse(vector, [characters.slice(0, cut).join(''), characters.slice(cut).join('')])
        if (JSON.stringify(cutResult) !== JSON.stringify(whole)) t.same(cutResult, whole, `cut at ${cut}`)
      }
    })
  }
}
