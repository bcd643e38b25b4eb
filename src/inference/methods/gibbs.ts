// Gibbs sampling as a method: models that declare their linear Gaussian structure; chains or rows divided over threads, or all on one GPU.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import { isLinear } from '../../models/linearHierarchy/structure.js';
import { randomKey, stepKey } from '../random/streams.js';
import { HierarchyPositions } from '../linearHierarchy/positions.js';
import { type GibbsListener, GibbsRun } from '../gibbs/run.js';
import { type GibbsSampler, type Learner, samplerOf, type Sweeps } from '../gibbs/sampler.js';
import { needsRows } from '../gibbs/rowSums.js';
import { gibbsRefusal, type GibbsModel, type GibbsSettings, resolveGibbsSettings } from '../gibbs/settings.js';
import type { GibbsSnapshot } from '../gibbs/snapshot.js';
import { startValues } from '../gibbs/start.js';
import { ChainThreads, divideChains } from '../threads/chainThreads.js';
import type { Method, MethodSettings } from './method.js';

const usual = { chains: 4, warmup: 1000, draws: 1000 } as const;
/** Sweeps that are timed, at least, and milliseconds after which no more are. */
const fewest = 5;
const patience = 100;

/** Rows up to which every thread has a copy of its own, where sweeps go through them: threads do more of a sweep at once so than by sharing its rows. */
export const copied = { mostRows: 2 ** 22 };

function hasManyRows({ structure }: GibbsModel): boolean {
  return structure!.rows > copied.mostRows && !(isLinear(structure!) && !needsRows(structure));
}

export const gibbs: Method = {
  name: 'gibbs',
  title: 'Gibbs sampling',
  effort: 'sweeps',
  statistics: [],
  draws: 'chains',
  usual,
  refusal: gibbsRefusal,
  prepare: async (model, device, { chains, threads }, starters) => {
    const { precision } = device;
    const canDivide = device.name === 'cpu' && starters !== undefined && threads > 1;
    const sharesRows = canDivide && hasManyRows(model);
    const parts = canDivide && !sharesRows ? divideChains(chains, threads) : [];
    const isDivided = parts.length > 1;
    const chainThreads = isDivided ? new ChainThreads(chains, threads, starters!.startChainWorker) : undefined;
    const lanes = isDivided ? Math.max(...parts.map(({ count }) => count)) : chains;
    const shared = sharesRows ? cpuDevice({ threads, precision, startThreads: starters.startThreads }) : device;
    const own = isDivided ? cpuDevice({ precision }) : shared;
    const { dimension } = new HierarchyPositions(model);
    // Of the usual scheme: what it weighs and how long it takes is known before the run.
    const { scheme } = resolveGibbsSettings({});
    const sampler = samplerOf(model, scheme);
    let sweep: Sweeps<Learner> | undefined = await sampler.compile(own, lanes).catch(async (error: unknown) => {
      await chainThreads?.dispose();
      throw error;
    });
    const { memoryBytes, dataBytes } = sweep;
    const letGo = async (): Promise<void> => {
      await sweep?.dispose();
      sweep = undefined;
    };
    const division = isDivided
      ? `${parts.length} threads, which divide the chains`
      : sharesRows
        ? `${threads} threads, which divide the rows`
        : 'all chains in one batch';
    return {
      dimension,
      threads: isDivided ? parts.length : sharesRows ? threads : 1,
      memory: {
        hostBytes: device.name === 'cpu' ? memoryBytes * Math.max(1, parts.length) : 0,
        deviceBytes: device.name === 'cpu' ? 0 : memoryBytes,
        dataBytes,
      },
      precision,
      division,
      timeStep: () => timeSweep(sweep!, sampler, model, lanes),
      run: async (settings, listener, { signal, resume, checkpointInterval }) => {
        const options = { signal, checkpointInterval, ...(resume && { resume: resume as GibbsSnapshot }) };
        const all = ownSettings(settings, chains);
        const heard: GibbsListener = listener;
        // Threads have programs of their own, another scheme has others.
        if (isDivided || (all.scheme ?? scheme) !== scheme) await letGo();
        const result = await (chainThreads === undefined
          ? new GibbsRun(model, all, heard, { ...options, device: own, ...(sweep && { sweep }) }).run()
          : chainThreads.runGibbs(model, dimension, all, heard, options));
        return {
          isComplete: result.isComplete,
          snapshot: result.snapshot,
          findings: [],
          chains: result.chains.map((chain) => chain && { effort: chain.sweeps }),
        };
      },
      dispose: async () => {
        await chainThreads?.dispose();
        await letGo();
      },
    };
  },
};

function ownSettings({ warmup, draws, seed, gibbs: own }: MethodSettings, chains: number): GibbsSettings {
  return { ...own, chains, warmup: warmup ?? usual.warmup, draws: draws ?? usual.draws, seed: seed ?? 1 };
}

/** Median milliseconds of one sweep of all lanes, from their starts. */
async function timeSweep(
  sweep: Sweeps<Learner>,
  sampler: GibbsSampler,
  model: GibbsModel,
  lanes: number,
): Promise<number> {
  const key = randomKey('timing');
  const chains = Array.from({ length: lanes }, (_, lane) => ({
    lane,
    values: startValues(model, key, lane),
    learners: sampler.newLearners(),
  }));
  const times: number[] = [];
  const begun = performance.now();
  for (let step = 0; times.length < fewest || (performance.now() - begun < patience && times.length < 1000); step++) {
    const start = performance.now();
    await sweep.sweep(
      chains.map((chain) => ({
        ...chain,
        key: stepKey(key, chain.lane, step),
        progress: { sweep: step, warmup: 0 },
      })),
      sweep.scanned,
    );
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}
