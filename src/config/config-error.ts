/** A setting or a file that settings name is wrong; the message has one line per fault, each with its path. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
