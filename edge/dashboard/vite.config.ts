// The dashboard's build: one page, static files, no network resources of others. `vite build edge/dashboard` writes dist/dashboard.
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  // `npx vite edge/dashboard` for work on the page: the broker is that of a running edge site.
  server: { proxy: { '/mqtt': { target: 'ws://127.0.0.1:8080', ws: true } } },
});
