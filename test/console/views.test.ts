/** Every view, in light and dark, on a desk and on a phone, over a gateway that runs our own engine. */
import t from 'tap'
import { desktop, hasBrowser, openConsole, overflowOf, phone, seriousFaults, startBrowser, withoutBrowser } from './open-console.js'
import { startEmbedded } from './start-embedded.js'

const views = ['overview', 'traffic', 'spend', 'decisions', 'keys', 'playground'] as const

await t.test('the views', { skip: hasBrowser() ? false : withoutBrowser }, async t => {
  const [browser, { address, adminUrl, secret }] = await Promise.all([startBrowser(t), startEmbedded(t)])
  const answered = await fetch(`${address}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` }, body: JSON.stringify({ model: 'deepseek-v4-pro', messages: [{ role: 'user', content: 'Who are you?' }] }) })
  t.equal(answered.status, 200)

  const looks = [
    { name: 'light', options: desktop },
    { name: 'dark', options: { ...desktop, colorScheme: 'dark' as const } },
    { name: 'phone', options: phone }
  ]
  for (const { name, options } of looks) {
    await t.test(`${name}: every view has what it is for, no fault of accessibility, nothing wider than the screen`, async t => {
      const { page, complaints } = await openConsole(browser, adminUrl, '', options)
      const shows: Record<typeof views[number], RegExp> = {
        overview: /flash-noise[^]*not trained[^]*pro-mini[^]*flash-0[^]*serving[^]*pro-0[^]*serving/,
        traffic: /Requests per minute[^]*Errors per minute[^]*Tokens generated per second[^]*Time to first token[^]*Time between tokens/,
        spend: /console[^]*of \$0\.05[^]*acme/,
        decisions: /completed[^]*pro[^]*pinned-by-model/,
        keys: /console[^]*acme[^]*active[^]*\$0\.05 a day/,
        playground: /Settings[^]*Ask something/
      }
      for (const view of views) {
        await page.goto(`${adminUrl}/console/#/${view}`)
        await page.getByRole('heading', { level: 1, name: new RegExp(view, 'i') }).waitFor()
        await page.getByText('Loading …').waitFor({ state: 'detached' })
        await page.getByText(/gearbox test, up/).waitFor()
        t.match(await page.locator('main').innerText(), shows[view], view)
        t.strictSame(await seriousFaults(page), [], `${view}: axe`)
        t.equal(await overflowOf(page), 0, `${view}: fits`)
      }
      await page.goto(`${adminUrl}/console/#/decisions`)
      await page.getByRole('row', { name: /completed/ }).first().getByRole('link').click()
      await page.getByRole('region', { name: 'Steps' }).getByText('attempt', { exact: true }).first().waitFor()
      t.strictSame(await seriousFaults(page), [], 'an open decision: axe')
      t.equal(await overflowOf(page), 0, 'an open decision: fits')
      t.strictSame(complaints, [])
      await page.context().close()
    })
  }

  await t.test('axe, the browser\'s complaints and the policy would be seen', async t => {
    const { page, complaints } = await openConsole(browser, adminUrl, '#/overview')
    await page.evaluate("document.body.append(document.createElement('img'))")
    t.match(await seriousFaults(page), [/^image-alt/])
    await page.evaluate("fetch('http://127.0.0.1:1/').catch(() => {})")
    t.match(complaints, [/connect-src/, /./])
    await page.context().close()
  })

  await t.test('traffic is drawn, and colours follow the switch before they follow the system', async t => {
    const { page, complaints } = await openConsole(browser, adminUrl, '#/traffic', { ...desktop, colorScheme: 'dark' })
    const background = async (): Promise<string> => await page.evaluate('getComputedStyle(document.body.parentElement).backgroundColor')
    const charts = page.getByRole('img', { name: /Time to first token: flash p50 –, flash p95 –, pro p50 \d/ })
    await charts.waitFor()
    t.equal(await page.locator('canvas').count(), 6)
    t.equal(await background(), 'rgb(14, 17, 21)')
    await page.getByRole('button', { name: 'Light colours' }).click()
    t.equal(await background(), 'rgb(245, 246, 248)')
    await page.reload()
    await charts.waitFor()
    t.equal(await background(), 'rgb(245, 246, 248)', 'it is remembered')
    await page.getByRole('button', { name: '60 min' }).click()
    await page.getByRole('img', { name: /Requests per minute: completed/ }).waitFor()
    await page.getByRole('button', { name: 'Colours as the system' }).click()
    t.equal(await background(), 'rgb(14, 17, 21)')
    t.strictSame(complaints, [])
    await page.context().close()
  })

  await t.test('a worker is taken out and let in again', async t => {
    const { page, complaints } = await openConsole(browser, adminUrl, '#/overview')
    const pool = page.getByRole('region', { name: 'Flash' })
    await pool.getByText('1 of 1 serving').waitFor()
    await page.getByRole('button', { name: 'Drain flash-0' }).click()
    await page.getByRole('row', { name: /^flash-0/ }).getByText('taken out by the operator').waitFor()
    await pool.getByText('0 of 1 serving').waitFor()
    await page.getByRole('button', { name: 'Resume flash-0' }).click()
    await pool.getByText('1 of 1 serving').waitFor()
    t.strictSame(complaints, [])
    await page.context().close()
  })
})
