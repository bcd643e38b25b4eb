// `device: auto`: every device found computes the gradient of this model, and the fastest is taken.
import { InputError } from '../../data/inputError.js';
import type { Method, PreparedMethod } from '../../inference/index.js';
import { deviceFault } from './deviceFault.js';
import type { OpenDevice } from './openDevice.js';

/** A device with the method compiled for it. */
export interface Target {
  readonly open: OpenDevice;
  readonly prepared: PreparedMethod;
}

export interface Choice extends Target {
  /** What was compared, in one line; undefined where there was nothing to choose. */
  readonly line: string | undefined;
}

interface Trial extends Target {
  readonly label: string;
  readonly milliseconds: number;
}

/** A device that can be tried. */
export interface Candidate {
  readonly label: string;
  readonly open: () => Promise<OpenDevice>;
}

/**
 * Compiles for every candidate, times one step (a gradient, a sweep) of all chains on each, and closes all but the fastest. One that fails is
 * not taken, unless none works: then the failure of the first is thrown.
 */
export async function chooseDevice(
  among: readonly Candidate[],
  compile: (open: OpenDevice) => Promise<PreparedMethod>,
  start: ArrayLike<number>,
  chainCount: number,
  effort: Method['effort'] = 'gradients',
): Promise<Choice> {
  if (among.length === 1) {
    const open = await among[0].open();
    return { open, prepared: await compile(open), line: undefined };
  }
  const trials: Trial[] = [];
  const faults: { readonly label: string; readonly error: unknown }[] = [];
  for (const { label, open } of among) {
    try {
      trials.push({ label, ...(await trial(open, compile, start)) });
    } catch (error) {
      if (deviceFault(error) === undefined && !(error instanceof InputError)) {
        await Promise.all(trials.map(close));
        throw error;
      }
      faults.push({ label, error });
    }
  }
  if (trials.length === 0) throw faults[0].error;
  const [best, ...others] = trials.sort((a, b) => a.milliseconds - b.milliseconds);
  await Promise.all(others.map(close));
  const told = [
    `${inWords(best.milliseconds)} per ${effort.slice(0, -1)} of ${chainCount} chain${chainCount === 1 ? '' : 's'}`,
    ...others.map(({ label, milliseconds }) => `${label}: ${inWords(milliseconds)}`),
    ...faults.map(({ label, error }) => `${label}: ${firstLine(error)}`),
  ];
  return { open: best.open, prepared: best.prepared, line: `device: ${best.label} (${told.join('; ')})` };
}

async function trial(
  openIt: Candidate['open'],
  compile: (open: OpenDevice) => Promise<PreparedMethod>,
  start: ArrayLike<number>,
): Promise<Target & { readonly milliseconds: number }> {
  const open = await openIt();
  let prepared: PreparedMethod | undefined;
  try {
    prepared = await compile(open);
    return { open, prepared, milliseconds: await prepared.timeStep(start) };
  } catch (error) {
    await prepared?.dispose();
    open.dispose();
    throw error;
  }
}

async function close({ open, prepared }: Target): Promise<void> {
  await prepared.dispose();
  open.dispose();
}

const inWords = (milliseconds: number): string =>
  `${milliseconds >= 100 ? milliseconds.toFixed(0) : milliseconds >= 0.001 ? milliseconds.toPrecision(2) : milliseconds.toExponential(0)} ms`;

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0];
