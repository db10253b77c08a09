import fc from 'fast-check'
import t from 'tap'
import { StopStrings } from '../../src/language/stop-strings.js'

interface Filtered { text: string, found: string | null }

function filter (stops: string[], pieces: string[]): Filtered {
  const stopStrings = new StopStrings(stops)
  const text = pieces.map(piece => stopStrings.push(piece)).join('') + stopStrings.release()
  return { text, found: stopStrings.found }
}

/** The rule said plainly: the shortest beginning of the text that ends with a stop string, without it. */
function oracle (stops: string[], text: string): Filtered {
  for (let end = 1; end <= text.length; end++) {
    const found = stops.filter(stop => stop !== '' && text.slice(0, end).endsWith(stop))
    const [longest] = found.sort((first, second) => second.length - first.length)
    if (longest !== undefined) return { text: text.slice(0, end - longest.length), found: longest }
  }
  return { text, found: null }
}

await t.test('holds back what may become a stop string, and gives out the rest at once', async t => {
  const stopStrings = new StopStrings(['END', '\n\n'])
  t.equal(stopStrings.push('some E'), 'some ')
  t.equal(stopStrings.push('N'), '')
  t.equal(stopStrings.push('d\n'), 'ENd')
  t.equal(stopStrings.push('x'), '\nx')
  t.equal(stopStrings.push('y END z'), 'y ')
  t.equal(stopStrings.isStopped, true)
  t.equal(stopStrings.push('never'), '')
})

await t.test('what follows released text starts a new match', async t => {
  const stopStrings = new StopStrings(['ab'])
  t.equal(stopStrings.push('a') + stopStrings.release() + stopStrings.push('b'), 'ab')
  t.equal(stopStrings.isStopped, false)
})

await t.test('equals the plain rule for every cut', async () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 5 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '😀'), maxLength: 24 })
  fc.assert(fc.property(fc.array(word, { maxLength: 4 }), text, fc.nat(24), (stops, whole, cut) => {
    const expected = JSON.stringify(oracle(stops, whole))
    const waysToCut = [[whole], [whole.slice(0, cut), whole.slice(cut)], whole.split('')]
    return waysToCut.every(pieces => JSON.stringify(filter(stops, pieces)) === expected)
  }), { numRuns: 2000, seed: 4 })
})
