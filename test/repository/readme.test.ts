// The README: its commands are one line each and run by CI as printed, its code is the example that is tested, its links lead somewhere.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/data/config.js';
import { models } from '../../src/models/registry.js';
import { temporaryFolder } from '../data/inputFiles.js';
import { fencedBlocks, read, root, trackedFiles } from './checkout.js';

const { write } = temporaryFolder();
const readme = read('README.md');
const [main, tests] = fencedBlocks(readme, 'sh').map((block) => block.trimEnd());

const printedCommand = (number: number): string =>
  execFileSync(process.execPath, ['scripts/readme-command.mjs', String(number)], {
    cwd: root,
    encoding: 'utf8',
  }).trimEnd();

describe('the README', () => {
  it('begins with the main job and the tests, one line each', () => {
    expect(main).toMatch(/^npm ci && (node dist\/cli\/main\.js (simulate three-level|fit|report) [^&]+( && |$)){3}/);
    expect(tests).toMatch(/^npm ci && npm test$/);
  });

  it('has its two commands run by CI as printed', () => {
    expect([printedCommand(1), printedCommand(2)]).toEqual([main, tests]);
    const ci = read('.ci/run');
    for (const number of [1, 2]) expect(ci).toContain(`"$(node scripts/readme-command.mjs ${number})"`);
  });

  it('shows examples/eight-schools.ts as it is', () => {
    const [shown] = fencedBlocks(readme, 'ts');
    expect(read('examples/eight-schools.ts')).toContain(shown);
  });

  it('gives the speeds that docs/benchmarks.md records', () => {
    const table = readme.split('\n## Speed\n')[1].split('\n## ')[0];
    const speeds = [...table.matchAll(/^\|.*\| +([\d.]+) \|$/gm)].map(([, speed]) => speed);
    expect(speeds.length).toBeGreaterThan(3);
    const benchmarks = read('docs/benchmarks.md');
    for (const speed of speeds) expect(benchmarks).toContain(` ${speed} |`);
  });

  it('has configurations that load', () => {
    const examples = fencedBlocks(readme, 'yaml');
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples)
      expect(loadConfig(write('config.yaml', example), models).model.name).toBe('three-level');
  });
});

it('documents link to files that exist', () => {
  const broken = trackedFiles()
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map(([, link]) => link)
        .filter((link) => !/^https?:/.test(link) && !existsSync(join(root, dirname(file), link)))
        .map((link) => `${file}: ${link}`),
    );
  expect(broken).toEqual([]);
});

it('configurations in examples load', () => {
  const files = trackedFiles().filter((file) => /^examples\/.*\.ya?ml$/.test(file));
  expect(files).toContain('examples/orange-juice/config.yaml');
  for (const file of files) expect(Object.keys(models)).toContain(loadConfig(join(root, file), models).model.name);
});
