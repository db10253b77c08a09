/** POST /v1/responses, and what was kept of it: GET and DELETE by id. */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { AnswerPart, FinishedPart } from '../../dialects/answer.js'
import { continueFrom, parseResponsesRequest } from '../../dialects/responses/parse-responses-request.js'
import { ResponseStream } from '../../dialects/responses/response-stream.js'
import type { ResponsesRequest } from '../../dialects/responses/responses-request.js'
import { GatewayError } from '../../errors.js'
import type { Message } from '../../language/conversation.js'
import { MemoryResponses } from '../../stores/memory-responses.js'
import type { Answers } from '../answer/answers.js'
import { KeptResponses, type StoredResponse } from '../answer/kept-responses.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'
import { sendAnswer } from '../replies/send-answer.js'
import { bodyOf } from './body-of.js'

export const responsesRoute: FastifyPluginAsync<{ dependencies: GatewayDependencies, answers: Answers }> = async (app, { dependencies: { settings, responses }, answers }) => {
  const kept = new KeptResponses(responses ?? new MemoryResponses())

  async function earlierMessages (httpRequest: FastifyRequest, { previousResponseId: id }: ResponsesRequest): Promise<Message[]> {
    if (id === null) return []
    const previous = await kept.find(httpRequest, id)
    if (previous !== null) return previous.messages
    throw new GatewayError('previous_response_not_found', `Previous response with id '${id.slice(0, 100)}' not found. Only responses made with store: true are kept, for a day.`, { parameter: 'previous_response_id' })
  }

  async function find (httpRequest: FastifyRequest, id: string): Promise<StoredResponse> {
    const found = await kept.find(httpRequest, id)
    if (found === null) throw notFound(id)
    return found
  }

  for (const path of ['/v1/responses', '/responses']) {
    app.post(path, async (httpRequest, reply) => {
      const parsed = parseResponsesRequest(bodyOf(httpRequest))
      const earlier = await earlierMessages(httpRequest, parsed)
      const request = continueFrom(parsed, earlier)
      const { identity, decision, parts } = await answers.open(httpRequest, reply, request)
      const stream = new ResponseStream({ identity, request, effort: decision.effort.effort })
      const keep = async (part: FinishedPart): Promise<void> => {
        const isKept = await kept.keep(httpRequest, { response: stream.response(part), messages: [...earlier, ...request.input, stream.message()] })
        if (!isKept) stream.isNotKept()
      }
      await sendAnswer({ reply, parts: request.isStored ? beforeTheEnd(parts, keep) : parts, writer: request.isStream ? { stream } : { whole: stream }, settings })
    })

    app.get<{ Params: { id: string } }>(`${path}/:id`, async httpRequest => {
      return (await find(httpRequest, httpRequest.params.id)).response
    })

    app.delete<{ Params: { id: string } }>(`${path}/:id`, async httpRequest => {
      const { id } = httpRequest.params
      if (!await kept.forget(httpRequest, id)) throw notFound(id)
      return { id, object: 'response', deleted: true }
    })
  }
}

/** A client that reads the end may ask for the response at once. */
async function * beforeTheEnd (parts: AsyncIterable<AnswerPart>, act: (part: FinishedPart) => Promise<void>): AsyncGenerator<AnswerPart, void, undefined> {
  for await (const part of parts) {
    if (part.type === 'finished') await act(part)
    yield part
  }
}

function notFound (id: string): GatewayError {
  return new GatewayError('response_not_found', `Response with id '${id.slice(0, 100)}' not found.`, { parameter: 'id' })
}
