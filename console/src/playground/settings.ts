/** What the operator sets beside the conversation, and the request that it makes. */
export const models = ['auto', 'deepseek-v4-flash', 'deepseek-v4-pro'] as const
export const efforts = ['default', 'none', 'low', 'high', 'max'] as const
export const answerForms = ['text', 'json', 'schema'] as const

export interface PlaygroundSettings {
  /** Kept in this page only, and sent with each request. */
  apiKey: string
  model: typeof models[number]
  effort: typeof efforts[number]
  system: string
  answerForm: typeof answerForms[number]
  schema: string
  offersTools: boolean
  tools: string
  mustCallTool: boolean
  temperature: string
  maxTokens: string
}

const exampleSchema = { type: 'object', properties: { city: { type: 'string' }, population: { type: 'integer' } }, required: ['city', 'population'], additionalProperties: false }
const exampleTools = [{ type: 'function', function: { name: 'get_weather', description: 'Weather in a city now', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } }]

export const initialSettings: PlaygroundSettings = {
  apiKey: '',
  model: 'auto',
  effort: 'default',
  system: '',
  answerForm: 'text',
  schema: JSON.stringify(exampleSchema, null, 2),
  offersTools: false,
  tools: JSON.stringify(exampleTools, null, 2),
  mustCallTool: false,
  temperature: '',
  maxTokens: ''
}

/** @throws SyntaxError, with a message for the operator, when the schema or the tools are no JSON */
export function requestOf (settings: PlaygroundSettings, messages: object[]): object {
  const { model, effort, answerForm, schema, offersTools, tools, mustCallTool, temperature, maxTokens } = settings
  return {
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
    // The cost in the last chunk.
    usage: { include: true },
    ...(effort === 'default' ? {} : { reasoning_effort: effort }),
    ...(answerForm === 'json' ? { response_format: { type: 'json_object' } } : {}),
    ...(answerForm === 'schema' ? { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: parsed('The schema', schema) } } } : {}),
    ...(offersTools ? { tools: parsed('The list of tools', tools), tool_choice: mustCallTool ? 'required' : 'auto' } : {}),
    ...(temperature === '' ? {} : { temperature: Number(temperature) }),
    ...(maxTokens === '' ? {} : { max_tokens: Number(maxTokens) })
  }
}

function parsed (what: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SyntaxError(`${what} is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}
