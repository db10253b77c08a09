import t from 'tap'
import type { Effort, EffortLadder } from '../../../src/language/conversation.js'
import type { JsonObject } from '../../../src/language/json/json-value.js'
import { parseJson } from '../../../src/language/json/parse-json.js'
import { renderConversation } from '../../../src/language/render/render-conversation.js'
import { promptText } from '../../../src/language/render/rendered-prompt.js'
import { asArray, asObject, asString, objectsOf, readVectors, readVectorText } from '../vectors.js'
import { renderReference } from './reference-form.js'
import { toVectorConversation } from './vector-conversation.js'

/** Input whose serving form differs from the reference on purpose; the value says what is served. */
const servedDifferently: Record<string, (reference: string) => string> = {
  'args-empty-string': text => text.replace('<｜DSML｜parameter name="arguments" string="true"></｜DSML｜parameter>', ''),
  'sys-only-middle': text => text.replace('oneREMINDER<｜User｜>two', 'one\n\nREMINDER\n\ntwo'),
  'assistant-last': text => `${text}<｜Assistant｜></think>`
}

function rendersAsReference (vector: JsonObject, ladder: EffortLadder): string {
  const effort = vector.get('reasoning_effort')
  return renderReference(objectsOf(vector.get('messages')), {
    mode: asString(vector.get('thinking_mode')),
    ladder,
    effort: typeof effort === 'string' ? effort : null,
    dropThinking: vector.get('drop_thinking') !== false,
    context: objectsOf(vector.get('context')),
    addsBos: vector.get('add_default_bos_token') !== false
  })
}

function serve (vector: JsonObject, ladder: EffortLadder): string {
  const given = vector.get('reasoning_effort')
  const effort: Effort = given === 'max' || given === 'high' ? given : 'low'
  const isThinking = asString(vector.get('thinking_mode')) === 'thinking'
  return promptText(renderConversation(toVectorConversation(objectsOf(vector.get('messages'))), { effort: isThinking ? effort : 'none', ladder }))
}

const sets = [['encoding/encode_preview.json', 'preview'], ['encoding/encode_0731_effort.json', '0731']] as const
for (const [path, ladder] of sets) {
  for (const vector of readVectors(path)) {
    const id = asString(vector.get('id'))
    await t.test(`${path}: ${id}`, async t => {
      const expected = asString(vector.get('expected_prompt'))
      t.equal(rendersAsReference(vector, ladder), expected, 'reference form')
      if (id.startsWith('developer-')) return
      t.equal(serve(vector, ladder), servedDifferently[id]?.(expected) ?? expected, 'serving form')
    })
  }
}

/** They end in an answer; the serving form then asks for another one. */
for (const [number, mode] of [[1, 'thinking'], [2, 'thinking'], [3, 'thinking'], [4, 'chat']] as const) {
  await t.test(`official pair ${number}`, async t => {
    const input = parseJson(readVectorText(`official/test_input_${number}.json`))
    const expected = readVectorText(`official/test_output_${number}.txt`)
    const messages = (Array.isArray(input) ? input : asArray(asObject(input).get('messages'))).map(asObject)
    const [first] = messages
    if (!Array.isArray(input) && first !== undefined) first.set('tools', asArray(asObject(input).get('tools')))
    t.equal(renderReference(messages, { mode, ladder: 'preview', effort: null }), expected, 'reference form')
    if (messages.some(message => message.get('role') === 'developer')) return
    const prompt = renderConversation(toVectorConversation(messages), { effort: mode === 'chat' ? 'none' : 'high', ladder: 'preview' })
    t.equal(promptText(prompt), `${expected}<｜Assistant｜>${mode === 'chat' ? '</think>' : '<think>'}`, 'serving form')
  })
}
