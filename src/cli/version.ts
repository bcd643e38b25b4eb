// Versions of hierax and of what it computes with.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

interface PackageFile {
  readonly version: string;
}

const require = createRequire(import.meta.url);

/** Version of this package. */
export function hieraxVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as PackageFile).version;
}

/** What a result depends on, for run.json and the report. */
export function packageVersions(): { readonly name: string; readonly version: string }[] {
  const dependency = (name: string): string => (require(`${name}/package.json`) as PackageFile).version;
  return [
    { name: 'hierax', version: hieraxVersion() },
    { name: 'node', version: process.versions.node },
    { name: '@tensorflow/tfjs-core', version: dependency('@tensorflow/tfjs-core') },
    { name: '@duckdb/node-api', version: dependency('@duckdb/node-api') },
  ];
}
