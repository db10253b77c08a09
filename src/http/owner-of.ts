import type { FastifyRequest } from 'fastify'

/** The key that may see what this request leaves behind; empty where no keys are asked for. */
export function ownerOf ({ caller }: FastifyRequest): string {
  return caller?.keyId ?? ''
}
