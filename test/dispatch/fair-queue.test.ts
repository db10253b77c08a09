import fc from 'fast-check'
import t from 'tap'
import { FairQueue, type Queued } from '../../src/dispatch/fair-queue.js'

interface Item extends Queued { tokens: number }

const item = (owner: string, tokens = 100, priority = 0): Item => ({ owner, tokens, priority })

/** Serves one after the other, each charged at once; names owners in order. */
function serve (queue: FairQueue<Item>, turns: number): Item[] {
  return Array.from({ length: turns }, () => {
    const [next] = queue.inOrder()
    if (next === undefined) throw new Error('the queue is empty')
    queue.remove(next)
    queue.charge(next, next.tokens)
    return next
  })
}

const ownersOf = (items: Item[]): string => items.map(({ owner }) => owner).join('')

await t.test('owners take turns by tokens, however many jobs they have', async t => {
  const queue = new FairQueue<Item>()
  for (let job = 0; job < 8; job++) queue.add(item('a'))
  for (let job = 0; job < 3; job++) queue.add(item('b'))
  t.equal(ownersOf(serve(queue, 8)), 'abababaa')
  const sizes = new FairQueue<Item>()
  for (let job = 0; job < 8; job++) sizes.add(item('a', 300))
  for (let job = 0; job < 8; job++) sizes.add(item('b', 100))
  t.equal(ownersOf(serve(sizes, 8)), 'abbbabbb')
})

await t.test('one owner\'s jobs keep their order', async t => {
  const queue = new FairQueue<Item>()
  const items = [1, 2, 3].map(tokens => item('a', tokens))
  for (const each of items) queue.add(each)
  t.same(serve(queue, 3), items)
})

await t.test('two that always have work are never further apart than their largest jobs', async () => {
  const jobs = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 30, maxLength: 30 })
  fc.assert(fc.property(jobs, jobs, (ofA, ofB) => {
    const queue = new FairQueue<Item>()
    for (const tokens of ofA) queue.add(item('a', tokens))
    for (const tokens of ofB) queue.add(item('b', tokens))
    const served = { a: 0, b: 0 }
    for (let turn = 0; turn < 30; turn++) {
      const [{ owner, tokens } = item('a')] = serve(queue, 1)
      served[owner === 'a' ? 'a' : 'b'] += tokens
      if (queue.inOrder().some(({ owner }) => owner === 'a') && queue.inOrder().some(({ owner }) => owner === 'b') && Math.abs(served.a - served.b) > 1000) return false
    }
    return true
  }), { numRuns: 50 })
})

await t.test('a pause earns nothing', async t => {
  const queue = new FairQueue<Item>()
  queue.add(item('b'))
  serve(queue, 1)
  for (let job = 0; job < 20; job++) queue.add(item('a'))
  serve(queue, 10)
  for (let job = 0; job < 10; job++) queue.add(item('b'))
  t.equal(ownersOf(serve(queue, 6)), 'ababab')
})

await t.test('a settled estimate gives the difference back', async t => {
  const queue = new FairQueue<Item>()
  queue.add(item('a'))
  queue.add(item('b'))
  queue.charge(item('a'), 1000)
  queue.charge(item('b'), 500)
  t.equal(queue.inOrder()[0]?.owner, 'b')
  queue.charge(item('a'), -900)
  t.equal(queue.inOrder()[0]?.owner, 'a')
})

await t.test('priority goes first, and nobody is starved', async t => {
  const queue = new FairQueue<Item>()
  for (let job = 0; job < 200; job++) {
    queue.add(item('batch', 5000, -100))
    queue.add(item('web', 5000))
    queue.add(item('ops', 5000, 50))
  }
  const served = serve(queue, 200)
  const shareOf = (owner: string): number => served.filter(each => each.owner === owner).length / served.length
  t.ok(shareOf('ops') > 0.7, `urgent ${shareOf('ops')}`)
  t.ok(Math.abs(shareOf('web') - 0.2) < 0.03, `usual ${shareOf('web')}`)
  t.ok(Math.abs(shareOf('batch') - 0.05) < 0.02, `low ${shareOf('batch')}`)
  const order = new FairQueue<Item>()
  for (const priority of [-1, 10, 0, 20]) order.add(item('a', 1, priority))
  t.same(order.inOrder().map(({ priority }) => priority), [20, 10, 0, -1])
})
