// What a workstation is to fit: a list in a YAML or JSON file, or configurations named one by one.
import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { describeIssue } from '../../src/data/configIssue.js';
import { overridesSchema } from '../../src/data/configSchema.js';
import { InputError } from '../../src/data/inputError.js';
import { suggestion } from '../../src/data/nearestName.js';

/** Settings of `hierax fit`, by the names that a configuration gives them. */
export type FitSettings = Readonly<Record<string, string | number>>;

export interface Fit {
  readonly name: string;
  /** Absolute paths. */
  readonly config: string;
  readonly folder: string;
  readonly settings: FitSettings;
}

export interface FitList {
  /** Holds the folders of the runs and workstation.json. */
  readonly out: string;
  readonly fits: readonly Fit[];
}

export const settingNames: readonly string[] = Object.keys(overridesSchema.shape);

/**
 * @param files one list (`fits: [...]`), or configurations
 * @param out replaces the list's own `out`; default `runs` beside the list, or in the working folder
 * @param settings replace those of the list and of its entries
 * Throws InputError for a file that cannot be read, an unknown key, a setting out of range, and a name that is given twice.
 */
export function readFitList(files: readonly string[], out: string | undefined, settings: FitSettings): FitList {
  if (files.length === 0) throw new InputError('name a list of fits, or configurations');
  const first = files[0];
  const written = files.length === 1 ? readYaml(first) : undefined;
  const isList = isRecord(written) && 'fits' in written;
  const { fits: entries, out: listed, ...shared } = isList ? written : { fits: files };
  const base = isList ? dirname(resolve(first)) : process.cwd();
  const place = isList ? `${basename(first)}: ` : '';
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new InputError(`${place}fits must be a list of configurations, like fits: [a.yaml, b.yaml]`);
  }
  if (listed !== undefined && typeof listed !== 'string') throw new InputError(`${place}out must be a folder`);
  checkSettings(shared, place, ['fits', 'out']);
  const target = out === undefined ? resolve(base, listed ?? 'runs') : resolve(out);
  const fits = entries.map((entry: unknown, i): Fit => {
    const where = `${place}fits[${i}]: `;
    const record = typeof entry === 'string' ? { config: entry } : entry;
    if (!isRecord(record)) throw new InputError(`${where}give the path of a configuration, or config: with settings`);
    const { config, name, ...own } = record;
    if (typeof config !== 'string' || config === '') throw new InputError(`${where}config is missing: give a path`);
    if (name !== undefined && !(typeof name === 'string' && /^[^/\\]+$/.test(name) && !/^\.+$/.test(name))) {
      throw new InputError(`${where}name must be text that can name a folder`);
    }
    checkSettings(own, where, ['config', 'name']);
    const path = resolve(base, config);
    const known = name ?? defaultName(path);
    return {
      name: known,
      config: path,
      folder: join(target, known),
      settings: { ...(shared as FitSettings), ...(own as FitSettings), ...settings },
    };
  });
  const names = fits.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new InputError(`${place}two fits are called '${twice}': give each a name of its own (name: …)`);
  }
  return { out: target, fits };
}

/** `sales` for sales.yaml; the folder's name for config.yaml. */
function defaultName(config: string): string {
  const stem = basename(config).replace(/\.(ya?ml|json)$/i, '');
  return stem === 'config' ? basename(dirname(config)) || stem : stem;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function checkSettings(settings: Record<string, unknown>, place: string, others: readonly string[]): void {
  const known = [...others, ...settingNames];
  const unknown = Object.keys(settings).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new InputError(`${place}unknown key '${unknown}'; ${suggestion(unknown, known)}`);
  const checked = overridesSchema.safeParse(settings);
  if (!checked.success) {
    throw new InputError(`${place}${describeIssue(checked.error.issues[0], settings, {}).message}`);
  }
}

function readYaml(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new InputError(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { file: path });
  }
  const document = parseDocument(text, { prettyErrors: false });
  // A configuration with a fault in it is for the fit to tell, with its line.
  return document.errors.length > 0 ? undefined : (document.toJS() as unknown);
}
