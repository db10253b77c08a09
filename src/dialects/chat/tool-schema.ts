/** What a chat request says about tools and the form of the answer. Limits are DeepSeek's. */
import { z } from 'zod'

const maxTools = 128

export const functionNameSchema = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'a function name has 1 to 128 letters, digits, underscores or dashes')

export const toolSchema = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({
    name: functionNameSchema,
    description: z.string().nullish(),
    /** A JSON Schema object; none = the tool takes no arguments. */
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish()
  })
})

export const toolsSchema = z.array(toolSchema).max(maxTools, `at most ${maxTools} tools are allowed`)

export const toolChoiceSchema = z.union([
  z.enum(['none', 'auto', 'required']),
  z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) })
])

export const responseFormatSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({
      name: z.string().nullish(),
      description: z.string().nullish(),
      schema: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish()
    })
  })
])
