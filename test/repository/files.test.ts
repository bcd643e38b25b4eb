// What every file of the repository keeps to: short files that say their job, no machine's paths, no registry host.
import { describe, expect, it } from 'vitest';
import { read, trackedFiles } from './checkout.js';

const longestFile = 400;
interface LockedPackage {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(read('package-lock.json')) as {
  readonly version: string;
  readonly packages: Readonly<Record<string, LockedPackage>>;
};
const binary = /\.(sqlite|duckdb|parquet|gz|zip|png)$/;

const sources = trackedFiles().filter((file) => /^(src|test|bench|examples|scripts)\/.*\.(ts|mjs)$/.test(file));

describe('source files', () => {
  it(`are at most ${longestFile} lines long`, () => {
    const long = sources
      .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
      .filter(({ lines }) => lines > longestFile)
      .map(({ file, lines }) => `${file}: ${lines}`);
    expect(long).toEqual([]);
  });

  it('say their job in their first line', () => {
    const silent = sources.filter(
      (file) => !/^(\/\/ \S.{10,}|\/\*\* \S.{10,})/.test(read(file).replace(/^#![^\n]*\n/, '')),
    );
    expect(silent).toEqual([]);
  });

  it('leave nothing open', () => {
    const open = /\b(TODO|FIXME|XXX|HACK|not implemented)\b/;
    expect(sources.filter((file) => file.startsWith('src/') && open.test(read(file)))).toEqual([]);
  });
});

describe('tracked files', () => {
  const texts = trackedFiles().filter((file) => !binary.test(file));

  it('name no path of a machine', () => {
    // Spelt in parts, so that this file does not name what it looks for.
    const machinePath = new RegExp(`(?<![\\w.~-])/(${['work', 'farm', 'root', 'tmp', 'home', 'Users'].join('|')})/`);
    const found = texts
      .filter((file) => file !== 'package-lock.json')
      .flatMap((file) =>
        read(file)
          .split('\n')
          .map((line, index) => ({ line, at: `${file}:${index + 1}` }))
          .filter(({ line }) => machinePath.test(line))
          .map(({ at, line }) => `${at}: ${line.trim()}`),
      );
    expect(found).toEqual([]);
  });

  it('name no registry host in the lockfile, which still pins every package', () => {
    const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
    expect(packages.length).toBeGreaterThan(50);
    expect(packages.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
    expect(packages.filter(([, entry]) => !(entry.version && entry.integrity)).map(([path]) => path)).toEqual([]);
  });

  it('pin in the lockfile every package that another one may need, those of other platforms included', () => {
    // Without them `npm ci` refuses the lockfile. They go missing when a registry lacks the newest version of some.
    const missing = Object.entries(lock.packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isPinned(path, name))
        .map((name) => `${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('agree on the version', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(lock.version).toBe(version);
    expect(read('CHANGELOG.md')).toContain(`## ${version}`);
  });
});

/** Whether Node would find a package by name from the folder of another. */
function isPinned(from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${name}` in lock.packages) return true;
    if (folder === '') return false;
  }
}
