/** What clients probe for and is not served: a clean 404 that says so, whatever the body, where a bare "unknown path" would make people look for a typo. */
import type { FastifyPluginAsync } from 'fastify'
import { GatewayError } from '../../errors.js'

const unsupported: ReadonlyArray<[what: string, paths: readonly string[]]> = [
  ['Embeddings', ['/embeddings', '/engines/*']],
  ['Reranking and scoring', ['/rerank', '/score']],
  ['Images', ['/images/*']],
  ['Audio', ['/audio/*']],
  ['Moderation', ['/moderations']],
  ['Fine-tuning', ['/fine_tuning/*']],
  ['Assistants', ['/assistants', '/assistants/*', '/threads', '/threads/*']]
]

export const unsupportedRoute: FastifyPluginAsync = async app => {
  for (const [what, paths] of unsupported) {
    const refuse = async (): Promise<never> => {
      throw new GatewayError('unknown_path', `${what}: this gateway does not serve that, only the text models of /v1/models`)
    }
    for (const path of paths) {
      // Before the body is read: it may be of any type.
      for (const prefix of ['', '/v1']) app.route({ method: ['GET', 'POST'], url: `${prefix}${path}`, onRequest: refuse, handler: refuse })
    }
  }
}
