// Simulation-based calibration: data simulated from the prior, refitted, and the rank of each true value among its draws.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Device } from '../../kernels/device.js';
import type { Model } from '../../models/model.js';
import { compileQuantity } from '../compiledModel.js';
import type { Method, MethodSettings, ThreadStarters } from '../methods/method.js';
import { randomKey, type RandomStream, stepKey } from '../random/streams.js';
import { compileReplicator } from '../replicator.js';
import { priorPosition, priorRefusal } from './priorPosition.js';

/** Draws that a true value is ranked among, spread over the chains: ranks are 0 … 99. */
export const RANKED_DRAWS = 99;

export interface CalibrationTask {
  /** Its priors are proper. */
  readonly model: Model;
  /** The same model, with the same priors, for another response. */
  readonly rebuild: (y: Float64Array) => Model;
  readonly method: Method;
  readonly settings: MethodSettings & { readonly chains: number; readonly draws: number };
  readonly seed: number;
  readonly device: Device;
  readonly threads: { readonly count: number; readonly starters: ThreadStarters | undefined };
}

/** One simulated data set, fitted. */
export interface Simulation {
  readonly index: number;
  /** Of every scalar of the model's sites, in order: how many of the ranked draws are below the true value. */
  readonly ranks: readonly number[];
  /** Why the fit failed; there are no ranks then. */
  readonly failure?: string;
}

/** What is wrong with a model for calibration, in one line; undefined: nothing. */
export function calibrationRefusal(model: Model): string | undefined {
  if (model.replicate === undefined) return `${model.name} cannot replicate data`;
  return priorRefusal(model);
}

/**
 * Simulation `index` of a calibration (Talts et al. 2018): values from the prior, a response given them, a fit, and ranks among
 * draws spread evenly over it. The same index gives the same simulation. Rejects with Error when stopped by `signal`.
 */
export async function simulateAndFit(task: CalibrationTask, index: number, signal: AbortSignal): Promise<Simulation> {
  const { model, method, settings, device, threads } = task;
  const key = stepKey(randomKey(`${task.seed}, simulation ${index}`), 0, 0);
  const truth = await priorPosition(model, `${task.seed}, simulation ${index}`);
  const y = await replicateOnce(model, truth, key.stream(1));
  const expected = await sitesOnce(model, truth);
  const refitted = task.rebuild(y);
  const sites = await compileQuantity(refitted, cpuDevice(), 'sites');
  const below = new Int32Array(expected.length);
  const equal = new Int32Array(expected.length);
  const values = new Float64Array(expected.length);
  const wanted = rankedDraws(settings.chains, settings.draws);
  const prepared = await method.prepare(
    refitted,
    device,
    { chains: settings.chains, threads: threads.count },
    threads.starters,
  );
  try {
    const wantsDraw = (chain: number, phase: string, draw: number): boolean =>
      phase === 'sampling' && wanted[chain].has(draw);
    const onDraw: Parameters<typeof prepared.run>[1]['onDraw'] = ({ chain, phase, index: draw, position }) => {
      if (!wantsDraw(chain, phase, draw)) return;
      if (sites.evaluate(position, values) !== undefined) throw new Error('sites are evaluated at once');
      for (const [i, value] of values.entries()) {
        if (value < expected[i]) below[i]++;
        else if (value === expected[i]) equal[i]++;
      }
    };
    const seed = `${task.seed}, fit ${index}`;
    const result = await prepared.run({ ...settings, seed }, { onDraw, wantsDraw }, { signal });
    if (!result.isComplete) throw new Error('stopped');
    // Draws equal to the true value, such as an effect of media that nobody paid for, leave its place among them to chance.
    const ties = key.stream(2);
    return { index, ranks: Array.from(below, (count, i) => count + Math.floor(ties.uniform() * (equal[i] + 1))) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { index, ranks: [], failure: (error as Error).message.split('\n')[0] };
  } finally {
    await prepared.dispose();
    await sites.dispose();
  }
}

/** Draws that are ranked, by chain. */
function rankedDraws(chains: number, draws: number): readonly ReadonlySet<number>[] {
  const wanted = Array.from({ length: chains }, () => new Set<number>());
  for (let i = 0; i < RANKED_DRAWS; i++) {
    const at = Math.floor(((i + 0.5) * chains * draws) / RANKED_DRAWS);
    wanted[Math.floor(at / draws)].add(at % draws);
  }
  return wanted;
}

async function replicateOnce(model: Model, position: Float64Array, stream: RandomStream): Promise<Float64Array> {
  const replicator = await compileReplicator(model, cpuDevice());
  const y = new Float64Array(model.observed!.values.length);
  replicator.replicate(position, stream, y);
  await replicator.dispose();
  return y;
}

async function sitesOnce(model: Model, position: Float64Array): Promise<Float64Array> {
  const evaluator = await compileQuantity(model, cpuDevice(), 'sites');
  const values = new Float64Array(evaluator.outputs.reduce((sum, { size }) => sum + size, 0));
  await evaluator.evaluate(position, values);
  await evaluator.dispose();
  return values;
}
