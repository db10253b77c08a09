import preact from '@preact/preset-vite'
import { defineConfig } from 'vite'

/** One script, one style sheet and an icon, all beside index.html: what the content security policy of the page allows. */
export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the page also works behind a proxy that puts it under another path.
  base: './',
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // The first with light-dark(), which everything here is coloured with.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    reportCompressedSize: false
  }
})
