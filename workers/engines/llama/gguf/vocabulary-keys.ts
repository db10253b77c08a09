import { z } from 'zod'
import type { V4Config } from '../../v4/checkpoint/config.js'
import type { GgufValue } from './gguf-file.js'

const tokenizerSchema = z.object({
  added_tokens: z.array(z.object({ id: z.int(), content: z.string() })).default([]),
  model: z.object({
    vocab: z.record(z.string(), z.int()),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])]))
  })
})

/** llama.cpp's token types: 1 ordinary, 3 control, 5 unused. */
const ordinary = 1
const control = 3
const unused = 5

/** The `tokenizer.ggml.*` keys from a Hugging Face tokenizer.json; ids the file does not name get made-up names. */
export function readVocabularyKeys (tokenizerJson: string | null, config: V4Config): Map<string, GgufValue> {
  const names = Array.from({ length: config.vocabularySize }, (_, id) => `<unused ${id}>`)
  const types = names.map(() => unused)
  let merges: string[] = []
  if (tokenizerJson !== null) {
    const { added_tokens: added, model } = tokenizerSchema.parse(JSON.parse(tokenizerJson))
    for (const [name, id] of Object.entries(model.vocab)) {
      names[id] = name
      types[id] = ordinary
    }
    for (const { id, content } of added) {
      names[id] = content
      types[id] = control
    }
    merges = model.merges.map(merge => typeof merge === 'string' ? merge : merge.join(' '))
  }
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.model', { kind: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { kind: 'string', value: 'joyai-llm' }],
    ['tokenizer.ggml.tokens', { kind: 'strings', value: names }],
    ['tokenizer.ggml.token_type', { kind: 'i32s', value: types }],
    ['tokenizer.ggml.merges', { kind: 'strings', value: merges }],
    ['tokenizer.ggml.bos_token_id', { kind: 'u32', value: config.bosTokenId }],
    ['tokenizer.ggml.eos_token_id', { kind: 'u32', value: config.eosTokenId }],
    ['tokenizer.ggml.add_bos_token', { kind: 'bool', value: false }]
  ])
}
