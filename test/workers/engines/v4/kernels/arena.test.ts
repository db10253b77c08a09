import t from 'tap'
import { Arena, ArenaFullError } from '../../../../../workers/engines/v4/kernels/arena.js'
import { sliceRows } from '../../../../../workers/engines/v4/kernels/matrix.js'

await t.test('allocations are aligned, disjoint and zeroed, and views survive growth', async t => {
  const arena = Arena.create()
  const first = arena.allocate(10)
  const view = arena.f32(first, 2)
  view[1] = 5
  const second = arena.allocate(3_000_000, 64)
  t.equal(second % 64, 0)
  t.ok(second >= first + 10)
  t.equal(arena.f32(second, 750_000).find(value => value !== 0), undefined)
  t.equal(view[1], 5)
  view[0] = 3
  t.equal(arena.f32(first, 1)[0], 3)
})

await t.test('a second handle on the memory allocates behind the first', async t => {
  const arena = Arena.create()
  const other = Arena.attach(arena.memory)
  const a = arena.allocate(100)
  const b = other.allocate(100)
  t.ok(b >= a + 100)
  t.equal(arena.usedBytes, other.usedBytes)
})

await t.test('release takes back what was allocated since the mark', async t => {
  const arena = Arena.create()
  const mark = arena.mark()
  const first = arena.allocate(1000)
  arena.release(mark)
  t.equal(arena.allocate(16), first)
})

await t.test('offsets above 2 GiB work, and 4 GiB is the end', async t => {
  const arena = Arena.create()
  arena.allocate(3 * 2 ** 30)
  const high = arena.allocate(1024)
  arena.u32(high, 1)[0] = 42
  t.equal(arena.u32(high, 1)[0], 42)
  t.throws(() => arena.allocate(2 ** 30), ArenaFullError)
  t.throws(() => arena.allocate(-1), RangeError)
})

await t.test('slices of rows', async t => {
  const matrix = { format: 'fp8', rows: 300, columns: 200, weights: 64, scales: 8 } as const
  t.same(sliceRows(matrix, 128, 300), { format: 'fp8', rows: 172, columns: 200, weights: 64 + 128 * 200, scales: 10 })
  t.throws(() => sliceRows(matrix, 100, 200), /multiple of 128/)
  t.throws(() => sliceRows(matrix, 0, 301), /of a matrix with 300 rows/)
  t.same(sliceRows({ format: 'fp4', rows: 4, columns: 64, weights: 0, scales: 1000 }, 1, 2), { format: 'fp4', rows: 1, columns: 64, weights: 32, scales: 1002 })
  t.same(sliceRows({ format: 'bf16', rows: 4, columns: 3, weights: 0, scales: 0 }, 2, 4), { format: 'bf16', rows: 2, columns: 3, weights: 12, scales: 0 })
})
