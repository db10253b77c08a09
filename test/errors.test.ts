import t from 'tap'
import { errorEnvelope, GatewayError, toGatewayError } from '../src/errors.js'

await t.test('what is not ours is an internal error and shows nothing of its message', async t => {
  for (const thrown of [new TypeError('secret path /etc/x'), 'a string', null, undefined, { code: 'invalid_value' }]) {
    const error = toGatewayError(thrown)
    t.match(error, { code: 'internal_error', status: 500, isRetryable: false, parameter: null })
    t.notMatch(JSON.stringify(errorEnvelope(error, 'id-1')), 'secret')
    t.equal(error.cause, thrown, 'the log still has it')
  }
})

await t.test('our own errors pass as they are', async t => {
  const error = new GatewayError('rate_limit_exceeded', 'slow down', { retryAfterMs: 5, parameter: 'x' })
  t.equal(toGatewayError(error), error)
  t.strictSame(errorEnvelope(error, 'id-1'), { error: { message: 'slow down (request_id: id-1)', type: 'rate_limit_error', param: 'x', code: 'rate_limit_exceeded' } })
})

await t.test('a code may be called otherwise on the wire', async t => {
  t.equal(errorEnvelope(new GatewayError('unsupported_model', 'm'), 'id-1').error.code, 'model_not_found')
})
