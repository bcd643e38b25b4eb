// Marginal NUTS where units are many: NUTS on a surrogate of the density proposes, and one pass over the units decides and draws the coefficients.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Model } from '../../models/model.js';
import type { Draw } from '../chain.js';
import { CoefficientDraws } from '../marginal/coefficientDraws.js';
import { DrawQueue } from '../marginal/drawQueue.js';
import { type Marginal, setMap } from '../marginal/marginalDensity.js';
import { Proposals } from '../marginal/proposals.js';
import { learnSurrogate, type Surrogate, surrogateAt } from '../marginal/surrogate.js';
import { defaultNutsOptions } from '../nuts.js';
import { randomKey } from '../random/streams.js';
import { sample } from '../sample.js';
import { decodeVector } from '../snapshot.js';
import { marginalSettings } from './marginalSettings.js';
import { savedMarginal, saveMarginal } from './marginalSnapshot.js';
import type {
  MethodListener,
  MethodOptions,
  MethodResult,
  MethodSettings,
  MethodSnapshot,
  PreparedMethod,
  RunSizes,
  ThreadStarters,
} from './method.js';

/** Decisions before the first draw, and the share of proposals accepted in them from which on the surrogate is good enough. Own choice. */
const trials = 10;
const leastAccepted = 0.6;

/** @param prepareNuts the same by NUTS on the density itself, which takes over where no surrogate is good enough */
export async function prepareBySurrogate(
  problem: Marginal,
  model: Model,
  { chains, threads }: RunSizes,
  starters: ThreadStarters | undefined,
  prepareNuts: () => Promise<PreparedMethod>,
): Promise<PreparedMethod> {
  const device = cpuDevice({ threads, ...(starters && { startThreads: starters.startThreads }) });
  const coefficients = await CoefficientDraws.compile(problem, model, device, true);
  const run = new SurrogateRun(problem, model, coefficients, chains);
  const words = device.threads === 1 ? '1 thread' : `${device.threads} threads, which divide the groups`;
  let other: PreparedMethod | undefined;
  return {
    dimension: coefficients.dimension,
    threads: device.threads,
    memory: {
      hostBytes: coefficients.memoryBytes,
      deviceBytes: 0,
      dataBytes: [...problem.data.arrays.values()].reduce((sum, { values }) => sum + 8 * values.length, 0),
    },
    precision: 'double',
    division: `${words}; a surrogate proposes`,
    timeStep: () => {
      const start = performance.now();
      coefficients.run();
      return Promise.resolve(performance.now() - start);
    },
    run: async (settings, listener, options) => {
      const result = await run.run(settings, listener, options);
      if (result !== undefined) return result;
      other ??= await prepareNuts();
      return other.run(settings, listener, options);
    },
    dispose: async () => {
      await coefficients.dispose();
      await other?.dispose();
    },
  };
}

/** A surrogate with chains that have shown that it is good enough. */
interface Begun {
  readonly surrogate: Surrogate;
  readonly stepSizes: readonly number[];
  readonly proposals: Proposals;
}

class SurrogateRun {
  constructor(
    private readonly problem: Marginal,
    private readonly model: Model,
    private readonly coefficients: CoefficientDraws,
    private readonly chains: number,
  ) {}

  /** Undefined where NUTS on the density itself is to do it. */
  async run(
    settings: MethodSettings,
    listener: MethodListener,
    { signal, resume, checkpointInterval = Infinity }: MethodOptions,
  ): Promise<MethodResult | undefined> {
    const { chains, warmup, draws } = marginalSettings(settings);
    const begun = resume ? await this.resume(settings, resume) : await this.begin(settings, listener, signal);
    if (begun === undefined) return undefined;
    const { surrogate, stepSizes, proposals } = begun;
    const { state } = proposals;
    const drawn = (): number => state.decisions - trials;
    const snapshot = (): MethodSnapshot => {
      const { map, design, evaluations } = surrogate;
      const progress = { design, evaluations, stepSizes, proposals: proposals.save() };
      return saveMarginal(this.problem, map, { surrogate: progress });
    };
    let lastCheckpoint = performance.now();
    try {
      while (drawn() < draws && !signal?.aborted) {
        const index = drawn();
        const isWanted = (chain: number): boolean => listener.wantsDraw?.(chain, 'sampling', index) ?? true;
        await proposals.step({ index, isWanted, onDraw: listener.onDraw });
        if (performance.now() - lastCheckpoint < checkpointInterval) continue;
        await listener.onCheckpoint?.(snapshot());
        lastCheckpoint = performance.now();
      }
    } finally {
      await surrogate.density.dispose();
    }
    return {
      isComplete: drawn() >= draws,
      snapshot: snapshot(),
      findings: [],
      chains: state.chains.map(({ divergences, maxTreeDepthHits }, chain) => {
        const counts = {
          warmupGradientEvaluations: Math.ceil(surrogate.evaluations / chains) + trials,
          gradientEvaluations: drawn(),
          divergences,
          maxTreeDepthHits,
        };
        const inverseMass = new Float64Array(this.problem.dimension).fill(1);
        const hamiltonian = { transitions: warmup + drawn(), stepSize: stepSizes[chain], inverseMass, ...counts };
        return { effort: counts.warmupGradientEvaluations + counts.gradientEvaluations, hamiltonian };
      }),
    };
  }

  /** Learns the surrogate, warms up on it, and tries it. Rejects with the signal's reason when it is aborted. */
  private async begin(
    settings: MethodSettings,
    listener: MethodListener,
    signal: AbortSignal | undefined,
  ): Promise<Begun | undefined> {
    const { problem, model, coefficients, chains } = this;
    const surrogate = await learnSurrogate(problem, coefficients, chains, model.start, signal);
    if (surrogate === undefined) return undefined;
    const { density, map } = surrogate;
    setMap(density, map);
    coefficients.setMap(map);
    const warmup: Draw[] = [];
    const { wantsDraw } = listener;
    const result = await sample(
      density,
      { ...marginalSettings(settings), draws: 0 },
      {
        onDraw: (draw) => warmup.push({ ...draw, position: draw.position.slice() }),
        ...(wantsDraw && { wantsDraw }),
      },
      { signal },
    );
    signal?.throwIfAborted();
    const stepSizes = result.chains.map((chain) => chain!.stepSize);
    const positions = result.snapshot.chains.map((chain) => decodeVector(chain!.position, problem.dimension));
    const proposals = Proposals.begin(density, coefficients, this.proposalSettings(settings, stepSizes), positions);
    let accepted = 0;
    for (let trial = 0; trial < trials; trial++) {
      for (const probability of await proposals.step()) accepted += probability / (trials * chains);
      signal?.throwIfAborted();
    }
    if (!(accepted >= leastAccepted)) {
      await density.dispose();
      return undefined;
    }
    const { seed, warmup: transitions } = marginalSettings(settings);
    const queue = new DrawQueue(coefficients, randomKey(seed), transitions, listener);
    for (const draw of warmup) queue.add(draw);
    queue.flush();
    return { surrogate, stepSizes, proposals };
  }

  /** Undefined for a run of NUTS on the density itself. Throws RangeError for a snapshot of something else. */
  private async resume(settings: MethodSettings, resume: MethodSnapshot): Promise<Begun | undefined> {
    const { problem, coefficients, chains } = this;
    const { map, progress } = savedMarginal(problem, resume);
    if ('run' in progress) return undefined;
    const { design, evaluations, stepSizes, proposals: saved } = progress.surrogate;
    const density = await surrogateAt(problem, coefficients, design, map, chains);
    if (density === undefined) throw new RangeError('resume: the saved run is one on other data; start it again');
    setMap(density, map);
    const proposals = Proposals.resume(density, coefficients, this.proposalSettings(settings, stepSizes), saved);
    return { surrogate: { density, map, design, evaluations }, stepSizes, proposals };
  }

  private proposalSettings(settings: MethodSettings, stepSizes: readonly number[]) {
    const { seed, warmup, maxTreeDepth = defaultNutsOptions.maxTreeDepth } = marginalSettings(settings);
    return { key: randomKey(seed), maxTreeDepth, stepSizes, firstStep: warmup };
  }
}
