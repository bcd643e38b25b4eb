// Serves and builds the page from the library's sources, with the headers that shared memory asks for.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** Cross-origin isolation: without it browsers share no memory between threads. */
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  server: { headers },
  preview: { headers },
  worker: { format: 'es' },
  // The worker's packages too, or the development server finds them late and loads the page anew.
  optimizeDeps: { entries: ['index.html', 'worker/*.ts'] },
  build: { target: 'es2022', outDir: 'dist', emptyOutDir: true, chunkSizeWarningLimit: 1500 },
});
