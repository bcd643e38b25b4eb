// Fits many configurations one after another on the chosen device, into one summary table; started again, it goes on where it stopped.
//
//     npx tsx scripts/workstation.ts LIST.yaml [--out DIR] [--device …] [--strict] [settings of hierax fit]
//     npx tsx scripts/workstation.ts A.yaml B.yaml …
//
// LIST.yaml: `fits:` with paths of configurations, or `config:` with settings of its own; beside it `out:` and settings for all:
//
//     out: runs            # default: runs beside the list
//     device: webgpu
//     fits:
//       - orange-juice/config.yaml
//       - { config: sales.yaml, name: sales-hmc, method: hmc, seed: 2 }
//
// Each fit has the folder OUT/NAME. A finished run is not fitted again, an unfinished one is continued from its checkpoint. A fit that
// fails is told in one line and does not stop the others. The table goes to stdout, the same with all digits to OUT/workstation.json.
// Exit 0: all done; 1: a fit failed for a reason that nobody foresaw; 2: wrong input, of the list or of a fit; 3: with --strict, a check
// failed; 130: interrupted, all is saved.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { nameGiven, numberOrText } from '../src/cli/arguments.js';
import { describeFailure, exitCodes } from '../src/cli/exitCodes.js';
import { InputError } from '../src/data/inputError.js';
import { replaceFile } from '../src/data/run/atomicFile.js';
import { type Fit, type FitList, readFitList, settingNames } from './workstation/fitList.js';
import { type Interrupt, runCommand } from '../src/cli/processes/runCommand.js';
import { type FitRow, formatRows, row, rowsToJson, runFigures } from './workstation/summary.js';

const optionName = (setting: string): string => setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Asked for by a signal: no further fit is begun. */
let isStopping = false;
const interrupt: Interrupt = { current: undefined };
const onSignal = (): void => {
  isStopping = true;
  interrupt.current?.();
};

async function main(): Promise<number> {
  const given = await yargs(hideBin(process.argv))
    .scriptName('workstation')
    .locale('en')
    .options(Object.fromEntries(settingNames.map((name) => [optionName(name), { type: 'string', requiresArg: true }])))
    .options({ out: { type: 'string', requiresArg: true }, strict: { type: 'boolean', default: false } })
    .strictOptions()
    .version(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw new InputError(message ?? error?.message ?? 'wrong arguments');
    })
    .parseAsync();
  const set = settingNames.filter((name) => given[name] !== undefined);
  const settings = Object.fromEntries(
    set.map((name): [string, string | number] => [name, numberOrText(nameGiven(`--${name}`, given[name])) as string]),
  );
  const out = given.out === undefined ? undefined : nameGiven('--out', given.out);
  const list = readFitList(given._.map(String), out, settings);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const { rows, codes } = await fitAll(list, given.strict);
  process.stdout.write(`${formatRows(rows)}\n`);
  if (isStopping) return exitCodes.interrupted;
  const { unforeseen, badInput, checkFailed, done } = exitCodes;
  return [unforeseen, badInput, checkFailed].find((code) => codes.includes(code)) ?? done;
}

async function fitAll({ out, fits }: FitList, strict: boolean): Promise<{ rows: readonly FitRow[]; codes: number[] }> {
  const record = join(out, 'workstation.json');
  const before = readRecord(record);
  const rows: FitRow[] = fits.map((fit) => before.get(fit.folder) ?? row(fit, '', 'not begun'));
  const codes: number[] = [];
  for (const [i, fit] of fits.entries()) {
    if (isStopping) {
      rows[i] = rows[i].figures === undefined ? row(fit, rows[i].fingerprint, 'not begun') : rows[i];
      continue;
    }
    process.stderr.write(`[${i + 1}/${fits.length}] ${fit.name}\n`);
    const end = await fitOne(fit, before.get(fit.folder), strict);
    rows[i] = end.row;
    codes.push(end.code);
    replaceFile(record, Buffer.from(rowsToJson(rows)), { sync: true });
  }
  return { rows, codes };
}

async function fitOne(
  fit: Fit,
  before: FitRow | undefined,
  strict: boolean,
): Promise<{ readonly row: FitRow; readonly code: number }> {
  const fingerprint = fingerprintOf(fit);
  const failed = (error: string, code: number) => ({ row: row(fit, fingerprint, 'failed', { error }), code });
  try {
    if (isFinished(fit.folder)) {
      if (before?.figures !== undefined && before.fingerprint !== fingerprint) {
        const error = `${fit.folder} holds a run of another configuration than now: delete it, or give the fit another name`;
        return { row: { ...before, state: 'failed', error }, code: exitCodes.badInput };
      }
      if (!existsSync(join(fit.folder, 'report.html'))) {
        const { code, error } = await runCommand(['report', fit.folder], interrupt);
        if (error !== undefined) return failed(error, code);
      }
      return finishedRow(fit, fingerprint, 'finished before', strict);
    }
    const options = Object.entries(fit.settings).flatMap(([name, value]) => [`--${optionName(name)}`, String(value)]);
    const { code, error } = await runCommand(
      ['fit', fit.config, ...options, '--out', fit.folder, '--resume'],
      interrupt,
    );
    if (code === exitCodes.interrupted) {
      isStopping = true;
      return { row: row(fit, fingerprint, 'interrupted'), code };
    }
    return error === undefined ? finishedRow(fit, fingerprint, 'finished', strict) : failed(error, code);
  } catch (error) {
    const { line, code } = describeFailure(error);
    return failed(line, code);
  }
}

function finishedRow(fit: Fit, fingerprint: string, state: 'finished' | 'finished before', strict: boolean) {
  const figures = runFigures(fit.folder);
  const code = strict && figures.checks === 'fail' ? exitCodes.checkFailed : exitCodes.done;
  return { row: row(fit, fingerprint, state, { figures }), code };
}

function isFinished(folder: string): boolean {
  const path = join(folder, 'run.json');
  return existsSync(path) && (JSON.parse(readFileSync(path, 'utf8')) as { status?: string }).status === 'finished';
}

/** Of the configuration's text and the settings: a finished run counts for these alone. */
function fingerprintOf({ config, settings }: Fit): string {
  const text = existsSync(config) ? readFileSync(config, 'utf8') : '';
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([text, sorted]))
    .digest('hex')
    .slice(0, 16);
}

/** The rows of an earlier start, by folder. */
function readRecord(path: string): ReadonlyMap<string, FitRow> {
  if (!existsSync(path)) return new Map();
  const { fits } = JSON.parse(readFileSync(path, 'utf8')) as { readonly fits: readonly FitRow[] };
  return new Map(fits.map((fit) => [fit.folder, fit]));
}

try {
  process.exitCode = await main();
} catch (error) {
  const { line, code } = describeFailure(error);
  process.stderr.write(`workstation: ${line}\n`);
  process.exitCode = code;
}
