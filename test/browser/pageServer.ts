// Builds the example page with vite and serves it, with or without the headers of cross-origin isolation.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'vite';
import { root } from '../repository/checkout.js';

export interface BuiltPage {
  /** Starts a server and returns its address. */
  serve(options: { readonly isIsolated: boolean }): Promise<string>;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

/** Builds into a folder of its own, removed on close. */
export async function buildPage(): Promise<BuiltPage> {
  const folder = mkdtempSync(join(tmpdir(), 'hierax-page-'));
  await build({
    configFile: join(root, 'examples/browser/vite.config.ts'),
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  });
  const servers: Server[] = [];
  return {
    serve: async ({ isIsolated }) => {
      const server = createServer((request, response) => {
        const path = request.url === '/' ? '/index.html' : request.url!.split('?', 1)[0];
        try {
          const body = readFileSync(join(folder, path));
          response.writeHead(200, { 'Content-Type': types[extname(path)], ...(isIsolated && isolation) });
          response.end(body);
        } catch {
          response.writeHead(404).end();
        }
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
      return `http://localhost:${(server.address() as AddressInfo).port}/`;
    },
    close: async () => {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
