import type { MessagesSettings } from '../../dialects/messages/parse-messages-request.js'
import { defaultModelMap } from '../../policy/mapped-model.js'
import type { GatewaySettings } from '../gateway-dependencies.js'

export function messagesSettings ({ anthropicModels, anthropicThinking }: GatewaySettings): MessagesSettings {
  return { models: anthropicModels ?? defaultModelMap, thinksUnasked: anthropicThinking !== 'when-asked' }
}
