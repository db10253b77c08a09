/** Files and batches for a test's gateway, in a folder that goes with the test. */
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BatchDependencies } from '../../src/http/gateway-dependencies.js'
import { openBatchStores } from '../../src/stores/open-batch-stores.js'
import type { Teardown } from './start-gateway.js'

/** Call before startGateway: what was made last is taken down last. */
export function testBatches (t: Teardown, options: Partial<BatchDependencies> = {}): BatchDependencies {
  const folder = mkdtempSync(join(tmpdir(), 'batches-'))
  const stores = openBatchStores(folder)
  t.after(async () => {
    stores.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    stores,
    findCaller: async () => null,
    concurrency: 4,
    maxFileBytes: 1024 * 1024,
    maxFiles: 100,
    maxBytesPerKey: 10 * 1024 * 1024,
    isOffPeak: () => true,
    ...options
  }
}
