/** For work that an event starts and nobody waits for: what goes wrong in it unforeseen is told to the browser's console. */
export function inBackground (work: Promise<void>): void {
  work.catch(reportError)
}
