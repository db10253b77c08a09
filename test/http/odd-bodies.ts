/** Bodies that differ from a valid one in a single place. */

export type Path = Array<string | number>

export function pathsOf (value: unknown, path: Path = []): Path[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item, index) => pathsOf(item, [...path, index]))]
  if (typeof value === 'object' && value !== null) return [path, ...Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...path, key]))]
  return [path]
}

export function withValue (root: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (Array.isArray(root)) return root.map((item: unknown, index) => index === step ? withValue(item, rest, value) : item)
  return { ...root as object, [step]: withValue((root as Record<string, unknown>)[step], rest, value) }
}

export const oddValues = [null, true, false, 0, -1, 1.5, 1e308, -0, 2 ** 60, '', 'x', '\u0000', '\ud800', 'json'.repeat(1000), [], [[]], [null], {}, { type: 'x' }, { __proto__: 1 }, 'constructor', [1, 'a', {}]]
