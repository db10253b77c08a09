import { type Arena } from './arena.js'
import { type Matrix } from './matrix.js'

/** Multi-query attention of one token: every head reads the same list of key rows, and keys are values. */
export interface AttendArguments {
  /** Queries, f32 [heads, width]. */
  readonly q: number
  /** u32 [count]: the byte offset in the arena of each f32 key row. */
  readonly rowOffsets: number
  /** Number of key rows, at least 1. */
  readonly count: number
  readonly width: number
  readonly heads: number
  /** Factor of the scores (not of the sinks), usually width^-0.5. */
  readonly scale: number
  /** f32 [heads]: one extra logit a head that has no value. */
  readonly sinks: number
  /** Result, f32 [heads, width]. */
  readonly out: number
}

/** The indexer's look at the keys of one token (V4 section 4.8). */
export interface ScanArguments {
  /** Queries, f32 [heads, width]. */
  readonly q: number
  /** f32 [heads] */
  readonly headWeights: number
  /**
   * u32 [ceil(count / runLength)]: the byte offsets of runs of keys, f32 [runLength / 4, width / 4, 4, 4]: quads of keys, of which every 4
   * channels lie side by side. What lies behind the last key of a run is no matter.
   */
  readonly runs: number
  readonly runLength: number
  /** Number of keys. */
  readonly count: number
  /** A multiple of 4. */
  readonly width: number
  readonly heads: number
  /** Result, f32 [count]. */
  readonly scores: number
}

/** Reading the residual streams at one place of the network (mHC, V4 sections 3.2 and 3.3). */
export interface CollapseArguments {
  /** f32 [rows, mixWidth]: fn · v of every row. Becomes the coefficients: pre [n], and where streams are mixed post [n] and comb [n, n]. */
  readonly mixed: number
  /** (2 + n) * n, or n at the end of the network, where there is only pre. */
  readonly mixWidth: number
  /** f32 [mixWidth] */
  readonly base: number
  /** f32 [3], or [1] where there is only pre. */
  readonly scale: number
  /** f32 [rows, n, width] */
  readonly streams: number
  /** Result, f32 [rows, width]. */
  readonly x: number
  readonly rows: number
  readonly n: number
  readonly width: number
  readonly iterations: number
  readonly normEps: number
  readonly eps: number
}

/**
 * The arithmetic of the engine over one arena. All operands are byte offsets; f32 operands must be multiples of 4
 * and do not overlap the result unless a method says so.
 */
export interface Kernels {
  readonly name: 'reference' | 'simd' | 'relaxed-simd'
  readonly arena: Arena

  /**
   * y[b][r] = sum over c of W[r][c] * x[b][c].
   *
   * Sums run in f32 (f64 in the reference): at most (columns/4 + 16) * 2^-24 * sum |w||x| from the exact value. With
   * fp4 weights the SIMD kernels also round x to 16 bits, each 32 columns by their largest |x|: at most
   * sum |w| * largest / 65534 more, some thousand times finer than the FP8 rounding of the official kernels.
   *
   * A result depends on its row and its input alone, bit for bit: neither the batch nor a slice of rows changes it.
   * @param x f32 [batch, columns] with rows `xStride` floats apart (default: columns)
   * @param y f32 [batch, rows] with rows `yStride` floats apart (default: rows)
   * @param batch 1 to 64
   */
  multiply (matrix: Matrix, x: number, y: number, batch: number, xStride?: number, yStride?: number): void

  /** y[r] = y[r] + W x for one vector: the sum over experts of the down projections. */
  multiplyAdd (matrix: Matrix, x: number, y: number): void

  /**
   * y = x * rsqrt(mean(x^2) + eps) * weight, for each of `rows` rows of `width`; y may be x.
   * @param weight f32 [width], or 0 for none
   */
  rmsNorm (x: number, weight: number, y: number, rows: number, width: number, eps: number): void

  /** softmax(q·k * scale) with sinks, times the same keys as values (V4 section 4.5). */
  attend (attention: AttendArguments): void

  /** scores[i] = sum over heads of headWeights[h] * relu(q[h] · key i): the indexer (V4 section 4.8). */
  indexScores (scan: ScanArguments): void

  /**
   * The k largest of f32 scores, the first among equals.
   * @param picks u32 [k]: becomes their indices, ascending
   * @returns how many there are: min(k, count)
   */
  selectTop (scores: number, count: number, k: number, picks: number): number

  /**
   * out = silu(min(gate, limit)) * clamp(up, -limit, limit) * weight (V4 section 5, step 4); out may be gate or up.
   * @param count number of floats
   */
  siluMul (gate: number, up: number, out: number, count: number, limit: number, weight: number): void

  /** Coefficients of every row (see `mixed`), then x = sum over j of pre[j] * stream j. */
  collapseStreams (place: CollapseArguments): void

  /**
   * stream k = post[k] * y + sum over j of comb[j][k] * stream j, for every row, in place.
   * @param coefficients what `collapseStreams` made of `mixed`, with streams mixed
   */
  expandStreams (coefficients: number, streams: number, y: number, rows: number, n: number, width: number): void

  /**
   * Rotates, in place, pairs among the last `rotated` floats of `heads` vectors of `width`, for each of `rows` rows.
   * @param table f32 [rows, 2, rotated]: each pair's cosine twice; its sine, negative and as it is
   * @param direction 1 to rotate, -1 to rotate back
   */
  rotate (values: number, table: number, rows: number, heads: number, width: number, rotated: number, direction: 1 | -1): void

  /** y += x, of `count` floats. */
  add (x: number, y: number, count: number): void
}
