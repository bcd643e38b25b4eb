// What ADVI and Pathfinder have in common as methods: one density with lanes for draws, findings from verdicts, and draws that a resumed run skips.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Device } from '../../kernels/device.js';
import type { Model } from '../../models/model.js';
import { traceDensity } from '../compiledModel.js';
import type { FitStatus, FitVerdict } from '../importance/verdict.js';
import type { ModelDensity } from '../portableDensity.js';
import { timeGradient } from '../threads/timeGradient.js';
import type {
  Finding,
  MethodListener,
  MethodOptions,
  MethodResult,
  MethodSettings,
  MethodSnapshot,
  PreparedMethod,
  RunSizes,
  ThreadStarters,
} from './method.js';

/** Draws that are evaluated at once. */
const LANES = 32;

export const usualApproximation = { chains: 4, warmup: 0, draws: 1000 } as const;

/** What one fit of an approximation gives. */
interface Approximated {
  readonly evaluations: number;
  readonly findings: readonly Finding[];
}

export type Approximate = (density: ModelDensity, ...run: Parameters<IndependentDraws>) => Promise<Approximated>;

/** Makes all draws of all chains, chain by chain, each handed out once. */
export type IndependentDraws = (
  settings: MethodSettings & { readonly chains: number; readonly draws: number; readonly seed: number | string },
  listener: Pick<MethodListener, 'onDraw' | 'wantsDraw'>,
  signal: AbortSignal | undefined,
) => Promise<Approximated>;

/** A run that was stopped: how many draws it had handed out. They are the same when the fit is made again. */
interface ApproximationSnapshot {
  readonly kind: string;
  readonly seed: number | string;
  readonly handedOut: number;
}

export async function prepareApproximation(
  kind: string,
  approximate: Approximate,
  model: Model,
  device: Device,
  { threads }: RunSizes,
  starters?: ThreadStarters,
): Promise<PreparedMethod> {
  const traced = traceDensity(model);
  const { precision } = device;
  const isShared = device.name === 'cpu' && starters !== undefined && threads > 1;
  const own = isShared ? cpuDevice({ threads, precision, startThreads: starters.startThreads }) : device;
  const density = await traced.compile(own, LANES);
  return {
    dimension: density.dimension,
    threads: isShared ? threads : 1,
    memory: {
      hostBytes: device.name === 'cpu' ? density.memoryBytes : 0,
      deviceBytes: device.name === 'cpu' ? 0 : density.memoryBytes,
      dataBytes: traced.dataBytes,
    },
    precision,
    division: `${LANES} draws at a time${isShared ? `, ${threads} threads, which divide the rows` : ''}`,
    timeStep: (start) => timeGradient(density, start),
    run: (settings, listener, options) =>
      runIndependent(kind, (...given) => approximate(density, ...given), settings, listener, options),
    dispose: () => density.dispose(),
  };
}

/** A run of independent draws that is stopped and resumed: they are the same when made again, so a resumed run leaves out what it has handed out. */
export async function runIndependent(
  kind: string,
  make: IndependentDraws,
  settings: MethodSettings,
  { onDraw, wantsDraw = () => true }: MethodListener,
  { signal, resume }: MethodOptions,
): Promise<MethodResult> {
  const { chains = usualApproximation.chains, draws = usualApproximation.draws, seed = 1 } = settings;
  const before = resume === undefined ? 0 : savedCount(resume, kind, seed);
  let handedOut = before;
  const isNew = (chain: number, index: number): boolean => chain * draws + index >= before;
  const result = (isComplete: boolean, fit?: Approximated): MethodResult => ({
    isComplete,
    snapshot: { kind, seed, handedOut } satisfies ApproximationSnapshot,
    findings: fit?.findings ?? [],
    chains: Array.from({ length: chains }, () => fit && { effort: Math.ceil(fit.evaluations / chains) }),
  });
  try {
    const fit = await make(
      { ...settings, chains, draws, seed },
      {
        wantsDraw: (chain, phase, index) => isNew(chain, index) && wantsDraw(chain, phase, index),
        onDraw: (draw) => {
          signal?.throwIfAborted();
          if (!isNew(draw.chain, draw.index)) return;
          handedOut++;
          onDraw(draw);
        },
      },
      signal,
    );
    return result(true, fit);
  } catch (error) {
    if (!signal?.aborted) throw error;
    return result(false);
  }
}

/** Throws RangeError for a snapshot of another run. */
function savedCount(resume: MethodSnapshot, kind: string, seed: number | string): number {
  const saved = resume as Partial<ApproximationSnapshot>;
  if (saved.kind !== kind || saved.seed !== seed || saved.handedOut === undefined)
    throw new RangeError(`resume: the saved run is not one of ${kind} with seed ${seed}; start it again`);
  return saved.handedOut;
}

const statusOf: Readonly<Record<FitStatus, Finding['status']>> = {
  good: 'pass',
  usable: 'review',
  unreliable: 'fail',
  notAssessed: 'review',
};

export function fitFinding({ status, words }: FitVerdict): Finding {
  return { name: 'approximation', status: statusOf[status], detail: words };
}
