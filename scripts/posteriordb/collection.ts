// posteriordb as it lies on disk: data and reference draws of a posterior by its name.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../src/data/inputError.js';
import { readZipText } from './zipFile.js';

export const sharedFolder = fileURLToPath(new URL('../../../shared/data/posteriordb/', import.meta.url));

export type Chains = readonly Float64Array[];

/**
 * A folder with posteriordb's files: a clone of its repository, or the files of some posteriors side by side (`DATA.data.json.zip`, `NAME.draws.json.zip`).
 */
export class Collection {
  private readonly root: string | undefined;

  constructor(private readonly folder: string) {
    const root = [folder, join(folder, 'posterior_database')].find((path) => existsSync(join(path, 'posteriors')));
    this.root = root;
  }

  /** Throws InputError when the collection lacks it. */
  readData(posterior: string): unknown {
    const name = this.entryOf(posterior)?.data_name ?? posterior.split('-')[0];
    const path =
      this.root === undefined
        ? join(this.folder, `${name}.data.json.zip`)
        : join(this.root, 'data', 'data', `${name}.json.zip`);
    if (!existsSync(path)) throw new InputError(`${path}: there is no such file with the data of ${posterior}`);
    return JSON.parse(readZipText(path));
  }

  /** Reference draws `[chain][draw]` by parameter, ten chains of a thousand; undefined where there are none. */
  readReferenceDraws(posterior: string): ReadonlyMap<string, Chains> | undefined {
    const entry = this.entryOf(posterior);
    const name = entry === undefined ? posterior : entry.reference_posterior_name;
    if (name === null) return undefined;
    const path =
      this.root === undefined
        ? join(this.folder, `${name}.draws.json.zip`)
        : join(this.root, 'reference_posteriors', 'draws', 'draws', `${name}.json.zip`);
    if (!existsSync(path)) return undefined;
    const chains = JSON.parse(readZipText(path)) as Record<string, number[]>[];
    return new Map(
      Object.keys(chains[0]).map((parameter) => [
        parameter,
        chains.map((draws) => Float64Array.from(draws[parameter])),
      ]),
    );
  }

  /** What a clone says of a posterior; undefined where the files lie side by side. Throws InputError when a clone lacks it. */
  private entryOf(posterior: string): Entry | undefined {
    if (this.root === undefined) return undefined;
    const path = join(this.root, 'posteriors', `${posterior}.json`);
    if (!existsSync(path)) throw new InputError(`${path}: there is no posterior '${posterior}' in this collection`);
    return JSON.parse(readFileSync(path, 'utf8')) as Entry;
  }
}

interface Entry {
  readonly data_name: string;
  readonly reference_posterior_name: string | null;
}
