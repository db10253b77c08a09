import fc from 'fast-check'
import t from 'tap'
import { IncrementalDecoder } from '../../../src/language/tokenizer/incremental-decoder.js'
import { loadTokenizer } from '../../../src/language/tokenizer/load-tokenizer.js'
import { anyText } from './text-arbitraries.js'

const tokenizer = loadTokenizer('deepseek-v4')

/** The pieces in which a text arrives when its ids come in groups of these sizes. */
function arrive (ids: number[], sizes: number[], control: 'text' | 'omit' = 'text'): string[] {
  const decoder = new IncrementalDecoder(tokenizer, { control })
  const pieces: string[] = []
  for (let start = 0, group = 0; start < ids.length; group++) {
    const size = sizes[group % sizes.length] ?? 1
    pieces.push(decoder.push(ids.slice(start, start + size)))
    start += size
  }
  return [...pieces, decoder.flush()]
}

const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })

await t.test('however ids arrive, the text is that of all at once', async () => {
  fc.assert(fc.property(anyText, sizes, (text, groups) => {
    const ids = tokenizer.encode(text)
    return arrive(ids, groups).join('') === text
  }), { numRuns: 500 })
})

await t.test('also for ids that are no text', async () => {
  const anyIds = fc.array(fc.oneof(fc.integer({ min: 3, max: 258 }), fc.integer({ min: 0, max: 129279 })))
  for (const control of ['text', 'omit'] as const) {
    fc.assert(fc.property(anyIds, sizes, (ids, groups) => {
      return arrive(ids, groups, control).join('') === tokenizer.decode(ids, { control })
    }), { numRuns: 300 })
  }
})

await t.test('no character is given out in parts', async t => {
  const text = '👩‍💻 龘 café \u{1f9ff}'
  const ids = Array.from(Buffer.from(text)).flatMap(byte => tokenizer.vocabulary.byteIds[byte] ?? [])
  const pieces = arrive(ids, [1])
  t.equal(pieces.join(''), text)
  t.ok(pieces.every(piece => !/\p{Surrogate}|\ufffd/u.test(piece)))
})

await t.test('a character cut off by the end becomes U+FFFD, and the decoder is as new', async t => {
  const decoder = new IncrementalDecoder(tokenizer)
  const [first = 0] = Array.from(Buffer.from('é'), byte => tokenizer.vocabulary.byteIds[byte] ?? 0)
  t.equal(decoder.push([first]), '')
  t.equal(decoder.flush(), '\ufffd')
  t.equal(decoder.flush(), '')
  t.equal(decoder.push(tokenizer.encode('next')), 'next')
})

await t.test('a byte order mark is text', async t => {
  t.equal(arrive(tokenizer.encode('\ufeffa\ufeff'), [1]).join(''), '\ufeffa\ufeff')
})

await t.test('control tokens are text or left out', async t => {
  const ids = tokenizer.encode('a<think>b</think>', { control: 'token' })
  t.equal(arrive(ids, [1]).join(''), 'a<think>b</think>')
  t.equal(arrive(ids, [1], 'omit').join(''), 'ab')
})

await t.test('an id that is not in use is refused', async t => {
  t.throws(() => new IncrementalDecoder(tokenizer).push([129280]), { name: 'RangeError' })
})
