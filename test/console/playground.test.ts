/** The playground over a gateway that runs our own engine. */
import t from 'tap'
import { hasBrowser, openConsole, startBrowser, withoutBrowser } from './open-console.js'
import { startEmbedded } from './start-embedded.js'

await t.test('the playground', { skip: hasBrowser() ? false : withoutBrowser }, async t => {
  const [browser, { adminUrl, secret }] = await Promise.all([startBrowser(t), startEmbedded(t)])

  await t.test('the playground by keyboard alone: from the top of the page to an answer with its reasoning, tier, reason and cost', async t => {
    const { page, complaints } = await openConsole(browser, adminUrl, '')
    const tabTo = async (name: string): Promise<void> => {
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab')
        if (await page.evaluate("document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.labels?.[0]?.textContent ?? document.activeElement?.textContent") === name) return
      }
      throw new Error(`no way by Tab to ${name}`)
    }
    await tabTo('Playground')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Playground' }).waitFor()
    await tabTo('Modelautodeepseek-v4-flashdeepseek-v4-pro')
    await page.keyboard.type('deepseek-v4-pro')
    await tabTo('API key')
    await page.keyboard.type(secret)
    await page.keyboard.press('Shift+Tab')
    const message = page.getByRole('textbox', { name: 'Message' })
    for (let presses = 0; presses < 40 && await message.and(page.locator(':focus')).count() === 0; presses++) await page.keyboard.press('Shift+Tab')
    await page.keyboard.type('Who are you?')
    await page.keyboard.press('Enter')
    const answer = page.getByRole('article', { name: 'Answer' })
    await answer.getByText(/\$0\.0/).waitFor()
    t.match(await answer.innerText(), /Reasoning[^]+pro[^]+pinned-by-model[^]+effort[^]+pro-mini[^]+first token[^]+tokens in[^]+every step/)

    await answer.getByRole('link', { name: 'every step' }).focus()
    await page.keyboard.press('Enter')
    const steps = page.getByRole('region', { name: 'Steps' })
    await steps.getByText('attempt', { exact: true }).first().waitFor()
    for (const step of ['receive', 'dialect', 'policy', 'tokenise', 'queue', 'answer']) t.equal(await steps.getByText(step, { exact: true }).count() > 0, true, step)
    t.match(await steps.innerText(), /tier reason\s+pinned-by-model/)
    t.strictSame(complaints, [])
    await page.context().close()
  })

  await t.test('Escape stops an answer: the work ends, what was said stays, and it says what it cost', async t => {
    const { page, complaints } = await openConsole(browser, adminUrl, '#/playground')
    // Random weights may end an answer by chance, and sooner than a browser is asked to stop it.
    await page.route('**/playground/chat', async route => {
      await route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON() as object, min_tokens: 12_000, max_tokens: 15_000 }) })
    })
    await page.getByLabel('Model').selectOption('deepseek-v4-flash')
    await page.getByLabel('API key').fill(secret)
    await page.getByRole('textbox', { name: 'Message' }).fill('Go on for ever.')
    await page.keyboard.press('Enter')
    const answer = page.getByRole('article', { name: 'Answer' })
    await answer.getByText('Reasoning').waitFor()
    await page.getByRole('button', { name: 'Stop' }).waitFor()
    await page.keyboard.press('Escape')
    await answer.getByText('Stopped.').waitFor()
    await page.getByRole('button', { name: 'Send' }).waitFor()
    await answer.getByText(/\$0\.0/).waitFor()
    await page.goto(`${adminUrl}/console/#/decisions`)
    await page.getByRole('row', { name: /v1/ }).first().waitFor()
    await page.getByRole('table').getByText('abandoned').first().waitFor()
    await page.goto(`${adminUrl}/console/#/overview`)
    await page.getByRole('row', { name: /^flash-0/ }).getByText('0 jobs from here, 0 running').waitFor()
    t.strictSame(complaints, [])
    await page.context().close()
  })
})
