// Compiles src to dist (removing what an earlier build left), puts the modules of the command and of its threads together in a few
// files, which load in half the time, and marks the command executable.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const bundle = join(dist, 'bundle');

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});

/** Modules that a process or a thread begins with; afterwards each holds nothing but the import of its bundle. */
const entries = [
  'cli/main.js',
  'cli/fit/chainWorker.js',
  'cli/fit/summaryWorker.js',
  'cli/devices/gpuProbe.js',
  'cli/processes/commandProcess.js',
  'kernels/adapters/workerEntry.js',
].map((path) => join(dist, path));

/**
 * In a bundle too, a module finds files from where it was itself.
 * @type {import('esbuild').Plugin}
 */
const ownPlaces = {
  name: 'own-places',
  setup: (builder) =>
    builder.onLoad({ filter: /\.js$/ }, ({ path }) => {
      const place = JSON.stringify(slashed(relative(bundle, path)));
      const contents = readFileSync(path, 'utf8').replaceAll(
        'import.meta.url',
        `new URL(${place}, import.meta.url).href`,
      );
      return { contents };
    }),
};

/** @param {string} path */
const slashed = (path) => path.split(sep).join('/');

await build({
  entryPoints: entries,
  entryNames: '[name]',
  outdir: bundle,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
  plugins: [ownPlaces],
  logLevel: 'warning',
});
for (const entry of entries) {
  const [shebang = ''] = /^#!.*\n/.exec(readFileSync(entry, 'utf8')) ?? [];
  writeFileSync(entry, `${shebang}import '${slashed(relative(join(entry, '..'), join(bundle, basename(entry))))}';\n`);
}
chmodSync(entries[0], 0o755);
