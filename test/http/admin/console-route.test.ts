/** The page as files: what is served with which headers, who may have it, and what is said where it was not built. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { hashSecret } from '../../../src/accounts/keys.js'
import { builtConsole } from '../../../src/http/admin/console-route.js'
import { startAdmin } from './start-admin.js'

/** A path as it is given, which fetch would tidy up. */
async function statusOf (adminUrl: string, path: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    request(adminUrl, { path, headers }, response => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject).end()
  })
}

await t.test('the page and all that it names, with a policy that lets nothing else in', async t => {
  const { adminUrl } = await startAdmin(t, { secretHash: hashSecret('operator') })
  t.equal((await fetch(`${adminUrl}/console`)).url, `${adminUrl}/console/`)
  const response = await fetch(`${adminUrl}/console/`)
  const policy = response.headers.get('content-security-policy') ?? ''
  t.match(policy, "default-src 'none'; script-src 'self'; style-src 'self'")
  t.notMatch(policy, 'unsafe')
  t.notMatch(policy, 'http')
  t.match(response.headers.get('content-type'), 'text/html')
  const html = await response.text()
  t.notMatch(html, /<script>|<style|style=|\son\w+=/, 'nothing inline')
  const assets = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(match => match[1] ?? '')
  t.strictSame(assets.map(path => path.split('.').at(-1)).sort(), ['css', 'js', 'svg'])
  for (const path of assets) {
    const asset = await fetch(`${adminUrl}/console/${path}`)
    t.equal(asset.status, 200, path)
    t.match(asset.headers.get('cache-control'), 'immutable')
    t.notMatch(await asset.text(), /https?:\/\/(?!(www\.w3\.org|127\.0\.0\.1|goo\.gl))[a-z]/, `${path} names no other address`)
  }
  t.equal((await readdir(join(builtConsole, 'assets'))).length, assets.length, 'and nothing else was built')
})

await t.test('no path leads out of the folder; a link from elsewhere may lead to the page, and to nothing behind it', async t => {
  const { adminUrl } = await startAdmin(t)
  for (const path of ['/console/../package.json', '/console/%2e%2e/src/server.js', '/console/..%2f..%2fpackage.json', '/console//etc/passwd', '/console/assets', '/console/nothing.js']) {
    t.equal(await statusOf(adminUrl, path), 404, path)
  }
  const fromElsewhere = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
  t.equal(await statusOf(adminUrl, '/console/', fromElsewhere), 200)
  t.equal(await statusOf(adminUrl, '/admin/api/overview', fromElsewhere), 403)
})

await t.test('an install without development packages says how to get the page', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'no-console-'))
  t.teardown(async () => { await rm(folder, { recursive: true }) })
  for (const consoleFolder of [folder, join(folder, 'nowhere')]) {
    const { adminUrl } = await startAdmin(t, { consoleFolder })
    for (const path of ['/console', '/console/']) {
      const response = await fetch(`${adminUrl}${path}`)
      t.equal(response.status, 404)
      t.match(await response.text(), /npm ci && npm run build/)
    }
  }
})
