/** The console in a real browser: headless Chromium, driven by playwright-core. */
import { existsSync } from 'node:fs'
import axe from 'axe-core'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import type { Teardown } from '../http/start-gateway.js'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path => existsSync(path))

export const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 820 }, colorScheme: 'light' }
export const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: 'light' }

/** false: this machine has no Chromium, and that is allowed (a laptop). In CI it throws instead. */
export function hasBrowser (): boolean {
  if (executablePath === undefined && process.env['CI'] === 'true') throw new Error('chromium is not installed: CI must run the tests of the console')
  return executablePath !== undefined
}

export const withoutBrowser = 'chromium is not installed: the console was not tested'

export async function startBrowser (t: Teardown): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: executablePath ?? '',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  })
  t.after(async () => { await browser.close() })
  return browser
}

export interface OpenedPage {
  page: Page
  /** What the browser complained about: errors and warnings on its console, exceptions, breaches of the content security policy. */
  complaints: string[]
}

/** A fresh profile. @param path after /console/, such as #/traffic */
export async function openConsole (browser: Browser, adminUrl: string, path: string, options: BrowserContextOptions = desktop): Promise<OpenedPage> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on('console', message => { if (['error', 'warning', 'assert'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`) })
  page.on('pageerror', error => { complaints.push(`exception: ${error.message}`) })
  page.on('request', request => { if (!request.url().startsWith(adminUrl)) complaints.push(`another address: ${request.url()}`) })
  await page.addInitScript("addEventListener('securitypolicyviolation', event => { console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI) })")
  await page.goto(`${adminUrl}/console/${path}`)
  return { page, complaints }
}

/** What axe finds serious or worse, as `rule: element`. */
export async function seriousFaults (page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const results = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })") as { violations: Array<{ id: string, impact: string | null, nodes: Array<{ html: string, failureSummary?: string }> }> }
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 200)} ${failureSummary.slice(0, 300)}`))
}

/** Pixels that the page is wider than the window. */
export async function overflowOf (page: Page): Promise<number> {
  return await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}
