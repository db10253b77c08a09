/**
 * JSON as Python's `json.dumps(value, ensure_ascii=False)` writes it: what the model was trained to read
 * (V4 encoding, section 6).
 */
import { JsonNumber, type JsonValue } from './json-value.js'

export function toPythonJson (value: JsonValue): string {
  if (value instanceof JsonNumber) return pythonNumber(value.text)
  if (Array.isArray(value)) return `[${value.map(toPythonJson).join(', ')}]`
  if (value instanceof Map) {
    const entries = Array.from(value, ([key, member]) => `${JSON.stringify(key)}: ${toPythonJson(member)}`)
    return `{${entries.join(', ')}}`
  }
  return JSON.stringify(value)
}

/**
 * Integers keep their digits, whatever their size; anything with a point or an exponent is a float and is written
 * as Python's `repr` does: shortest digits, an exponent below 1e-4 and from 1e16 on, else at least one decimal.
 */
function pythonNumber (text: string): string {
  if (!/[.eE]/.test(text)) return text === '-0' ? '0' : text
  const number = Number(text)
  if (!Number.isFinite(number)) return number > 0 ? 'Infinity' : '-Infinity'
  const sign = number < 0 || Object.is(number, -0) ? '-' : ''
  return sign + positiveFloat(Math.abs(number))
}

function positiveFloat (number: number): string {
  if (number === 0) return '0.0'
  // Both languages print the shortest digits that read back as the same double; only the layout differs.
  const [mantissa = '', exponentText = ''] = number.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const digits = mantissa.replace('.', '')
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${whole}.${digits.slice(exponent + 1) || '0'}`
}
