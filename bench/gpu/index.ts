// Benchmark `gpu`: models that others have published figures of, on every device found, for 4 to 1,000 chains.
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { InputError } from '../../src/data/inputError.js';
import { type Machine, thisMachine } from '../machine.js';
import { type BenchmarkDevice, type DeviceChoice, deviceChoices, findDevices } from './devices.js';
import { exportData } from './exportData.js';
import { type GradientTime, timeGradient } from './gradientTime.js';
import { type LeapfrogTime, timeLeapfrog } from './leapfrogTime.js';
import { choice, list, number, type Options, parseOptions, text } from './options.js';
import { type Peer, readPeer } from './peer.js';
import { type BenchmarkProblem, makeBenchmarkProblem, type ProblemName, problemNames } from './problems.js';
import { printFigures } from './printFigures.js';

/** A point of the curve, or why there is none. */
export type CurvePoint = GradientTime | { readonly chains: number; readonly notMeasured: string };

/** One model on one device. */
export interface Figures {
  readonly model: ProblemName;
  readonly device: string;
  readonly isSoftware: boolean;
  readonly rows: number;
  readonly parameters: number;
  /** Bytes per second, read and written. */
  readonly copyBandwidth: number;
  readonly curve: readonly CurvePoint[];
  /** NUTS with four chains; a text says why it was not measured. */
  readonly leapfrog: LeapfrogTime | string;
}

export interface Outcome {
  readonly machine: Machine;
  readonly size: number;
  readonly figures: readonly Figures[];
  readonly missing: readonly string[];
  readonly peer: Peer | null;
}

/** Chains of the main row and of the NUTS run. */
export const mainChains = 4;
const curveChains = [1, 4, 16, 64, 256, 1000];
/** Of the host, per chain and parameter: positions and gradients in f64, and what goes up and comes down in f32. */
const hostBytes = 32;
/** A point that would take longer per evaluation is left out. */
const longestMilliseconds = 20_000;

/**
 * Options: --device all|cpu|webgpu, --size SHARE of the rows, --models a,b, --chains 1,4,16 (the curve), --seconds S of NUTS,
 * --numpyro FILE (figures of bench/gpu/peer.py), --export DIR (write the data for it and stop), --json, --print FILE (show what --json wrote).
 */
export async function gpuBenchmark(words: readonly string[]): Promise<void> {
  try {
    const options = parseOptions(
      words,
      ['--device', '--size', '--models', '--chains', '--seconds', '--numpyro', '--export', '--print'],
      ['--json'],
    );
    await run(options);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

async function run(options: Options): Promise<void> {
  const printed = text(options, '--print');
  if (printed !== undefined) {
    printFigures(JSON.parse(readFileSync(printed, 'utf8')) as Outcome);
    return;
  }
  const size = number(options, '--size', 1, 1e-4, 1);
  const seconds = number(options, '--seconds', 10, 0.1, 3600);
  const whole = (entry: string): number | undefined => (/^[1-9]\d*$/.test(entry) ? Number(entry) : undefined);
  const curve = list(options, '--chains', curveChains, whole, 'a whole number of chains');
  const named = (entry: string): ProblemName | undefined => problemNames.find((name) => name === entry);
  const models = list(options, '--models', problemNames, named, `one of ${problemNames.join(', ')}`);
  const folder = text(options, '--export');
  if (folder !== undefined) {
    for (const name of models.filter((one) => one !== 'three-level shortest')) {
      exportData(folder, makeBenchmarkProblem(name, size));
    }
    console.error(`data written to ${folder}`);
    return;
  }
  const peerFile = text(options, '--numpyro');
  const peer = peerFile === undefined ? null : readPeer(peerFile);
  const { devices, missing } = await findDevices(choice<DeviceChoice>(options, '--device', 'all', deviceChoices));
  const bandwidths: number[] = [];
  for (const device of devices) bandwidths.push(await device.copyBandwidth());
  const figures: Figures[] = [];
  for (const name of models) {
    const problem = makeBenchmarkProblem(name, size);
    for (const [i, device] of devices.entries()) {
      console.error(`${name}, ${problem.rows} rows: ${device.label}`);
      figures.push(await measure(problem, device, bandwidths[i], [...new Set([...curve, mainChains])], seconds));
    }
  }
  for (const device of devices) device.dispose();
  const outcome: Outcome = { machine: thisMachine(), size, figures, missing, peer };
  if (options.has('--json')) console.log(JSON.stringify(outcome, undefined, 2));
  else printFigures(outcome);
}

async function measure(
  problem: BenchmarkProblem,
  device: BenchmarkDevice,
  copyBandwidth: number,
  chainCounts: readonly number[],
  seconds: number,
): Promise<Figures> {
  const curve: CurvePoint[] = [];
  let perChain = 0;
  for (const chains of [...chainCounts].sort((a, b) => a - b)) {
    if (perChain * chains > longestMilliseconds) {
      curve.push({ chains, notMeasured: `about ${((perChain * chains) / 1000).toFixed(0)} s` });
      continue;
    }
    const bytes = problem.dimension * chains * hostBytes;
    if (bytes > 0.7 * freemem()) {
      curve.push({ chains, notMeasured: `about ${(bytes / 1e9).toFixed(0)} GB of the host's memory` });
      continue;
    }
    const point = await timeGradient(problem, device, chains).catch((error: unknown) => ({
      chains,
      notMeasured: (error as Error).message.split('\n')[0],
    }));
    if ('milliseconds' in point) perChain = point.milliseconds / chains;
    curve.push(point);
  }
  const leapfrog = await timeLeapfrog(problem, device, mainChains, seconds).catch((error: unknown) => {
    return (error as Error).message.split('\n')[0];
  });
  return {
    model: problem.name,
    device: device.label,
    isSoftware: device.isSoftware,
    rows: problem.rows,
    parameters: problem.dimension,
    copyBandwidth,
    curve,
    leapfrog: leapfrog ?? `no two transitions in ${4 * seconds} s: give more --seconds or a smaller --size`,
  };
}
