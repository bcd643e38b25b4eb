// Imports point left and down only, and what must run in a browser reaches nothing of Node.
import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, root, typeScriptFiles } from './checkout.js';
import type { ModuleImport } from './moduleImports.js';
import { moduleImports } from './moduleImports.js';

/** Stages in the order of the flow, the kernels below them all; each imports itself and what stands before it. */
const stages = ['kernels', 'data', 'models', 'inference', 'diagnostics', 'decisions', 'report', 'cli'];
/** Stages whose every module runs unchanged in a browser. */
const browserStages = ['kernels', 'models', 'inference', 'diagnostics', 'decisions', 'report'];
/** The only places that may name a module of Node. */
const nodePlaces = ['src/data/', 'src/cli/', 'src/kernels/adapters/'];

const files = typeScriptFiles('src');
const importsOf = new Map<string, readonly ModuleImport[]>(
  files.map((file) => [file, moduleImports(file, read(file))]),
);

/** The source file that a relative specifier names. */
const target = (file: string, specifier: string): string =>
  posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts');
const stageOf = (file: string): string => (file.split('/').length > 2 ? file.split('/')[1] : '(top)');
const relativeImports = (file: string): ModuleImport[] =>
  importsOf.get(file)!.filter(({ specifier }) => specifier.startsWith('.'));

/** Every file that `start` loads when it runs, with the chain of files that leads there. */
function loaded(start: string): Map<string, readonly string[]> {
  const chains = new Map<string, readonly string[]>([[start, [start]]]);
  for (const [file, chain] of chains) {
    for (const { specifier, isTypeOnly } of relativeImports(file)) {
      const next = target(file, specifier);
      if (!isTypeOnly && !chains.has(next)) chains.set(next, [...chain, next]);
    }
  }
  return chains;
}

describe('the import scanner', () => {
  it('sees every form of import and knows which ones the compiler erases', () => {
    const text = `
      import type { A } from './a.js';
      import { type B } from './b.js';
      import './c.js';
      export { D } from './d.js';
      export type { E } from './e.js';
      const f = await import('./f.js');
      type G = import('./g.js').G;
      // import './comment.js'
      const text = "import './string.js'";`;
    expect(moduleImports('sample.ts', text).map(({ specifier, isTypeOnly }) => [specifier, isTypeOnly])).toEqual([
      ['./a.js', true],
      ['./b.js', false],
      ['./c.js', false],
      ['./d.js', false],
      ['./e.js', true],
      ['./f.js', false],
      ['./g.js', true],
    ]);
  });
});

describe('imports', () => {
  it('found the sources', () => {
    expect(files.length).toBeGreaterThan(100);
    expect([...stages, '(top)']).toEqual(expect.arrayContaining([...new Set(files.map(stageOf))]));
  });

  it('name files that exist, with the suffix that Node needs', () => {
    const missing = files.flatMap((file) =>
      relativeImports(file)
        .filter(({ specifier }) => !specifier.endsWith('.js') || !existsSync(join(root, target(file, specifier))))
        .map(({ specifier }) => `${file}: ${specifier}`),
    );
    expect(missing).toEqual([]);
  });

  it('point left and down only', () => {
    const wrong = files
      .filter((file) => stageOf(file) !== '(top)')
      .flatMap((file) =>
        relativeImports(file)
          .map(({ specifier }) => target(file, specifier))
          .filter(
            (to) => !(stages.indexOf(stageOf(to)) >= 0 && stages.indexOf(stageOf(to)) <= stages.indexOf(stageOf(file))),
          )
          .map((to) => `${file} imports ${to}`),
      );
    expect(wrong).toEqual([]);
  });

  it('of inference and diagnostics take at most types from models, but for declared structure, and nothing from data', () => {
    const declared = 'src/models/linearHierarchy/';
    const wrong = files
      .filter((file) => ['inference', 'diagnostics'].includes(stageOf(file)))
      .flatMap((file) =>
        relativeImports(file)
          .filter(({ specifier, isTypeOnly }) => {
            const to = target(file, specifier);
            const stage = stageOf(to);
            return stage === 'data' || (stage === 'models' && !isTypeOnly && !to.startsWith(declared));
          })
          .map(({ specifier }) => `${file} imports ${specifier}`),
      );
    expect(wrong).toEqual([]);
  });

  it('name modules of Node in data, cli and adapters only', () => {
    const wrong = files
      .filter((file) => !nodePlaces.some((place) => file.startsWith(place)))
      .flatMap((file) =>
        importsOf
          .get(file)!
          .filter(({ specifier }) => specifier.startsWith('node:'))
          .map(({ specifier }) => `${file} imports ${specifier}`),
      );
    expect(wrong).toEqual([]);
  });

  it('of what runs in a browser lead to no module of Node and no package that needs one', () => {
    const nodePackages = ['@duckdb/node-api', 'yargs', 'zarrita'];
    const wrong = files
      .filter((file) => browserStages.includes(stageOf(file)) && !file.startsWith('src/kernels/adapters/'))
      .flatMap((file) =>
        [...loaded(file)].flatMap(([reached, chain]) =>
          importsOf
            .get(reached)!
            .filter(
              ({ specifier, isTypeOnly }) =>
                !isTypeOnly && (specifier.startsWith('node:') || nodePackages.includes(specifier)),
            )
            .map(({ specifier }) => `${chain.join(' → ')} → ${specifier}`),
        ),
      );
    expect(wrong).toEqual([]);
  });
});
