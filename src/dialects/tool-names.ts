import { GatewayError } from '../errors.js'

/**
 * `parameterOf` names the field at fault by the tool's place in its list.
 *
 * @throws GatewayError invalid_value when two tools share a name
 */
export function requireUniqueNames (names: readonly string[], parameterOf: (index: number) => string): void {
  const seen = new Set<string>()
  for (const [index, name] of names.entries()) {
    if (seen.has(name)) throw new GatewayError('invalid_value', `Tool names must be unique: '${name}' appears twice`, { parameter: parameterOf(index) })
    seen.add(name)
  }
}
