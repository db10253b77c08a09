/** Notes of gateways in Redis: each lives as long as its gateway renews it. Nothing of tokens goes through here. */
import { Redis } from 'ioredis'
import { StoreUnavailableError } from './account-store.js'
import { gatewayNoteSchema, type GatewayNote, type PoolStore } from './pool-store.js'

export interface RedisPoolStoreOptions {
  /** redis://, rediss:// or the path of a unix socket. */
  url: string
  prefix?: string
  commandTimeoutMs?: number
  /** A gateway that says nothing for so long is gone. */
  noteMs?: number
}

/** An instance that was quarantined and not released by then has long been restarted. */
const quarantineSeconds = 24 * 3600

export class RedisPoolStore implements PoolStore {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #noteMs: number

  constructor ({ url, prefix = 'gearbox', commandTimeoutMs = 250, noteMs = 5000 }: RedisPoolStoreOptions) {
    this.#prefix = `{${prefix}}:pool:`
    this.#noteMs = noteMs
    this.#redis = new Redis(url, {
      commandTimeout: commandTimeoutMs,
      connectTimeout: Math.max(1000, commandTimeoutMs),
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: attempt => Math.min(1000, 25 * 2 ** Math.min(attempt, 6))
    })
    // Each failed command carries its own error; without a listener ioredis would print every reconnect.
    this.#redis.on('error', () => {})
  }

  async exchange (gatewayId: string, note: GatewayNote): Promise<GatewayNote[]> {
    return await this.#ask(async () => {
      const key = (id: string): string => `${this.#prefix}note:${id}`
      await this.#redis.multi().sadd(`${this.#prefix}gateways`, gatewayId).set(key(gatewayId), JSON.stringify(note), 'PX', this.#noteMs).exec()
      const others = (await this.#redis.smembers(`${this.#prefix}gateways`)).filter(id => id !== gatewayId)
      if (others.length === 0) return []
      const texts = await this.#redis.mget(...others.map(key))
      const gone = others.filter((_, index) => texts[index] === null)
      if (gone.length > 0) await this.#redis.srem(`${this.#prefix}gateways`, ...gone)
      return texts.flatMap(text => {
        const parsed = text === null || text === undefined ? null : gatewayNoteSchema.safeParse(JSON.parse(text))
        // A gateway of another version may say it differently; what is not understood is not used.
        return parsed?.success === true ? [parsed.data] : []
      })
    })
  }

  async quarantined (): Promise<Map<string, string>> {
    return await this.#ask(async () => new Map(Object.entries(await this.#redis.hgetall(`${this.#prefix}quarantine`))))
  }

  async quarantine (instanceId: string, reason: string): Promise<void> {
    const key = `${this.#prefix}quarantine`
    await this.#ask(async () => await this.#redis.multi().hset(key, instanceId, reason).expire(key, quarantineSeconds).exec())
  }

  async release (instanceId: string): Promise<void> {
    await this.#ask(async () => await this.#redis.hdel(`${this.#prefix}quarantine`, instanceId))
  }

  close (): void {
    this.#redis.disconnect()
  }

  async #ask<Reply> (command: () => Promise<Reply>): Promise<Reply> {
    try {
      return await command()
    } catch (error) {
      throw new StoreUnavailableError(`Redis: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
}
