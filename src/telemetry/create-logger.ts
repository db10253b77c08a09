import { pino, type DestinationStream, type Logger } from 'pino'
import { redactLine } from './redact-line.js'

/** A logger whose every line passes the redaction, wherever it comes from: requests, workers, libraries. */
export function createLogger (level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino({ level }, { write: line => { destination.write(redactLine(line)) } })
}
