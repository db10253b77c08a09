/** What an operator does in the console, and what the console says when something is missing or broken; answers are scripted. */
import t from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { hashSecret } from '../../src/accounts/keys.js'
import { SqliteStore } from '../../src/stores/sqlite-store.js'
import { replies } from '../http/start-gateway.js'
import { startAdmin } from '../http/admin/start-admin.js'
import { hasBrowser, openConsole, overflowOf, phone, seriousFaults, startBrowser, withoutBrowser } from './open-console.js'

const skip = hasBrowser() ? false : withoutBrowser
const dsml = '｜DSML｜'
const toolCall = `Rain?</think>\n\n<${dsml}tool_calls>\n<${dsml}invoke name="get_weather">\n<${dsml}parameter name="city" string="true">Oslo</${dsml}parameter>\n</${dsml}invoke>\n</${dsml}tool_calls>`

await t.test('keys: made, shown once, rotated, revoked, each after a question', { skip }, async t => {
  const store = new SqliteStore({ path: ':memory:' })
  const accounts = new AccountService({ store, keyFreshMs: 0 })
  t.after(async () => {
    await accounts.close()
    await store.close()
  })
  const { adminUrl, gateway } = await startAdmin(t, { store, accounts, secretHash: hashSecret('open-sesame') })
  const isGood = async (secret: string): Promise<boolean> => (await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } })).status === 200
  const browser = await startBrowser(t)
  const { page, complaints } = await openConsole(browser, adminUrl, '#/keys')

  await page.getByLabel('Admin secret').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByText('That secret was refused.').waitFor()
  t.strictSame(await seriousFaults(page), [], 'the question for the secret: axe')
  await page.getByLabel('Admin secret').fill('open-sesame')
  await page.keyboard.press('Enter')
  await page.getByText('No keys yet').waitFor()

  await page.getByRole('button', { name: 'New key' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Organisation').and(page.locator(':focus')).waitFor()
  t.strictSame(await seriousFaults(page), [], 'the form: axe')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'New key' }).click()
  await dialog.getByLabel('Organisation').fill('acme')
  await dialog.getByLabel('Name').fill('checkout')
  await dialog.getByLabel('Tiers').selectOption('flash')
  await dialog.getByLabel('Requests per minute').fill('60')
  await dialog.getByLabel('USD per month').fill('12.5')
  await dialog.getByLabel('Ends after days').fill('30')
  await dialog.getByRole('button', { name: 'Make key' }).click()
  const secretBox = page.getByLabel('Secret of the key')
  const first = await secretBox.inputValue()
  t.match(first, /^gbx_/)
  t.ok(await isGood(first))
  await page.getByRole('button', { name: 'I have kept it' }).click()
  const row = page.getByRole('row', { name: /^checkout/ })
  await row.waitFor()
  t.match(await row.innerText(), /acme[^]*active[^]*until[^]*flash[^]*60 requests\/min[^]*\$12\.50 a month/)
  t.notMatch(await page.content(), first, 'it is shown once')

  await page.getByRole('button', { name: 'Rotate checkout' }).click()
  await page.getByRole('dialog', { name: 'Give this key a new secret?' }).getByRole('button', { name: 'Rotate' }).click()
  await page.getByRole('dialog', { name: 'Copy this secret now' }).waitFor()
  const second = await secretBox.inputValue()
  t.not(second, first)
  t.ok(await isGood(first), 'the old one has its day of grace')
  await page.getByRole('button', { name: 'I have kept it' }).click()

  await page.getByRole('button', { name: 'Revoke checkout' }).click()
  const question = page.getByRole('dialog', { name: 'Revoke this key?' })
  t.strictSame(await seriousFaults(page), [], 'the question: axe')
  await question.getByRole('button', { name: 'Cancel' }).click()
  t.ok(await isGood(second), 'nothing happened yet')
  await page.getByRole('button', { name: 'Revoke checkout' }).click()
  await question.getByRole('button', { name: 'Revoke' }).click()
  await row.getByText('revoked').waitFor()
  t.notOk(await isGood(second))

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Admin secret').waitFor()
  t.strictSame(complaints.filter(text => !/status of 401/.test(text)), [], 'no complaint but of the secrets that were refused')
})

await t.test('a tool is called, given its result, and the answer goes on; on a phone', { skip }, async t => {
  const { adminUrl, gateway } = await startAdmin(t, { answer: replies(prompt => prompt.includes('12 degrees') ? 'Aha.</think>It is 12 degrees in Oslo.' : toolCall) })
  const { page, complaints } = await openConsole(await startBrowser(t), adminUrl, '#/playground', phone)
  await page.getByText('Settings', { exact: true }).click()
  await page.getByLabel('Offer tools').check()
  t.strictSame(await seriousFaults(page), [], 'settings: axe')
  t.equal(await overflowOf(page), 0)
  await page.getByText('Settings', { exact: true }).click()
  await page.getByRole('textbox', { name: 'Message' }).fill('Weather in Oslo?')
  await page.getByRole('button', { name: 'Send' }).click()
  const answers = page.getByRole('article', { name: 'Answer' })
  // Asked for when the call is whole.
  await page.getByLabel('Result', { exact: true }).waitFor()
  t.match(await answers.first().innerText(), /Reasoning[^]*Rain\?[^]*calls get_weather[^]*"city": "Oslo"/)
  await page.getByLabel('Result', { exact: true }).fill('12 degrees')
  await page.keyboard.press('Enter')
  await answers.nth(1).getByText('It is 12 degrees in Oslo.').waitFor()
  await answers.nth(1).getByRole('link', { name: 'every step' }).waitFor()
  t.equal(gateway.jobs.length, 2)
  t.equal(await overflowOf(page), 0)
  t.strictSame(await seriousFaults(page), [], 'a conversation: axe')
  t.strictSame(complaints, [])
})

await t.test('JSON mode, effort and limits are asked for as they are set; a refusal is shown in the gateway\'s own words', { skip }, async t => {
  const { adminUrl, gateway } = await startAdmin(t, { constraints: ['json', 'schema'], answer: replies(() => '{"city": "Oslo"}') })
  const { page, complaints } = await openConsole(await startBrowser(t), adminUrl, '#/playground')
  const message = page.getByRole('textbox', { name: 'Message' })
  const answers = page.getByRole('article', { name: 'Answer' })
  await page.getByLabel('Effort').selectOption('none')
  await page.getByLabel('Answer as').selectOption('json')
  await page.getByLabel('Most tokens').fill('77')
  await message.fill('A city as JSON, please.')
  await message.press('Enter')
  await answers.getByText('{"city": "Oslo"}').waitFor()
  await answers.getByText('effort none').waitFor()
  t.match(gateway.jobs[0], { constraint: { kind: 'json' }, sampling: { maxTokens: 77 } })

  await page.getByLabel('Answer as').selectOption('schema')
  await page.getByLabel('JSON Schema').fill('{')
  await message.fill('Again.')
  await message.press('Enter')
  await page.getByRole('alert').getByText(/The schema is no JSON/).waitFor()
  await page.getByRole('button', { name: 'Clear' }).click()
  await page.getByText('Ask something').waitFor()
  await page.getByLabel('Answer as').selectOption('text')
  await page.getByLabel('Most tokens').fill('99999999')
  await message.fill('Hello')
  await message.press('Enter')
  await page.getByRole('alert').getByText(/max_tokens/).waitFor()
  t.strictSame(complaints.filter(text => !/status of 400/.test(text)), [])
})

await t.test('what is not there is said, with what to do', { skip }, async t => {
  const { adminUrl } = await startAdmin(t)
  const { page, complaints } = await openConsole(await startBrowser(t), adminUrl, '#/spend')
  await page.getByText('Spending is not kept').waitFor()
  for (const [view, words] of [['keys', 'There is nowhere to keep keys'], ['decisions', 'No requests yet'], ['traffic', 'No traffic in this time']] as const) {
    await page.goto(`${adminUrl}/console/#/${view}`)
    await page.getByText(words).waitFor()
    t.strictSame(await seriousFaults(page), [], `${view}: axe`)
  }
  t.strictSame(complaints, [])
  await page.goto(`${adminUrl}/console/#/decisions/no-such-request`)
  await page.getByText('This request is not kept any more').waitFor()
})

await t.test('a gateway that stops answering is said at once, and again when it is back', { skip }, async t => {
  const { adminUrl } = await startAdmin(t)
  const { page } = await openConsole(await startBrowser(t), adminUrl, '#/overview')
  await page.getByRole('row', { name: /^flash-0/ }).waitFor()
  await page.context().setOffline(true)
  await page.getByRole('alert').getByText('The gateway does not answer on this port.').waitFor()
  await page.getByText('no answer', { exact: true }).waitFor()
  t.ok(await page.getByRole('row', { name: /^flash-0/ }).isVisible(), 'what was known before stays')
  t.strictSame(await seriousFaults(page), [], 'axe')
  await page.context().setOffline(false)
  await page.getByRole('alert').waitFor({ state: 'detached' })
  await page.getByText('serving', { exact: true }).first().waitFor()
})
