import type { PoolStore } from './pool-store.js'

/** @param location of the accounts; null when it is not a store that gateways share */
export async function openPoolStore (location: string): Promise<PoolStore | null> {
  if (!/^(rediss?:\/\/|unix:)/.test(location)) return null
  const { RedisPoolStore } = await import('./redis-pool-store.js')
  return new RedisPoolStore({ url: location.replace(/^unix:/, '') })
}
