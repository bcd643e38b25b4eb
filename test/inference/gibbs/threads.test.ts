// Gibbs chains divided over threads: the draws of one thread bit for bit, through checkpoints and resumption; and as a method.
import { afterEach, describe, expect, it } from 'vitest';
import { nodeStarters, startChainWorker } from '../../../src/cli/fit/threadStarters.js';
import type { Draw } from '../../../src/inference/chain.js';
import { GibbsRun } from '../../../src/inference/gibbs/run.js';
import type { GibbsSettings } from '../../../src/inference/gibbs/settings.js';
import type { GibbsSnapshot } from '../../../src/inference/gibbs/snapshot.js';
import { HierarchyPositions } from '../../../src/inference/linearHierarchy/positions.js';
import { copied, gibbs } from '../../../src/inference/methods/gibbs.js';
import { ChainThreads } from '../../../src/inference/threads/chainThreads.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { exampleOf } from './shapes.js';

const model = declaredModel(exampleOf('two levels, slopes and covariates, full below'));
const settings: GibbsSettings = { chains: 3, warmup: 20, draws: 30, seed: 4 };
const { dimension } = new HierarchyPositions(model);

const collector = () => {
  const draws: Float64Array[][] = [[], [], []];
  const onDraw = ({ chain, phase, position }: Pick<Draw, 'chain' | 'phase' | 'position'>): void => {
    if (phase === 'sampling') draws[chain].push(position.slice());
  };
  return { draws, onDraw };
};

async function alone(own: GibbsSettings): Promise<Float64Array[][]> {
  const { draws, onDraw } = collector();
  await new GibbsRun(model, own, { onDraw }).run();
  return draws;
}

describe('threads', { timeout: 30_000 }, () => {
  it('draw what one thread draws', async () => {
    const expected = await alone(settings);
    const threads = new ChainThreads(3, 2, startChainWorker);
    try {
      const { draws, onDraw } = collector();
      const result = await threads.runGibbs(model, dimension, settings, { onDraw }, {});
      expect(result.isComplete).toBe(true);
      expect(result.chains).toEqual([{ sweeps: 50 }, { sweeps: 50 }, { sweeps: 50 }]);
      expect(draws).toEqual(expected);
    } finally {
      await threads.dispose();
    }
  });

  it('hand over the state of all chains, from which one thread goes on', async () => {
    const snapshots: GibbsSnapshot[] = [];
    const threads = new ChainThreads(3, 2, startChainWorker);
    const first = collector();
    try {
      const onCheckpoint = (snapshot: GibbsSnapshot): void => void snapshots.push(snapshot);
      const { snapshot } = await threads.runGibbs(
        model,
        dimension,
        { ...settings, draws: 11 },
        { ...first, onCheckpoint },
        { checkpointInterval: 0 },
      );
      snapshots.push(snapshot);
    } finally {
      await threads.dispose();
    }
    const rest = collector();
    await new GibbsRun(model, settings, rest, { resume: snapshots.at(-1) }).run();
    expect(first.draws.map((chain, c) => [...chain, ...rest.draws[c]])).toEqual(await alone(settings));
  });
});

describe('the method', () => {
  it('states its needs and gives the run’s draws', async () => {
    expect(gibbs.refusal(model)).toBeUndefined();
    expect(gibbs.refusal({ ...model, structure: undefined })).toMatch(/needs a model that declares/);
    const prepared = await gibbs.prepare(model, cpuDevice(), { chains: 3, threads: 1 });
    try {
      expect(prepared.dimension).toBe(dimension);
      expect(prepared.memory.hostBytes).toBeGreaterThan(prepared.memory.dataBytes);
      expect(await prepared.timeStep(new Float64Array(dimension))).toBeGreaterThan(0);
      const { draws, onDraw } = collector();
      const result = await prepared.run({ chains: 3, warmup: 20, draws: 30, seed: 4 }, { onDraw }, {});
      expect(draws).toEqual(await alone(settings));
      expect(result.chains).toEqual([{ effort: 50 }, { effort: 50 }, { effort: 50 }]);
    } finally {
      await prepared.dispose();
    }
  });

  describe('of many rows', () => {
    const usual = copied.mostRows;
    afterEach(() => void (copied.mostRows = usual));

    it.each([undefined, 'plain'] as const)(
      'shares them among threads, which draw what one draws (scheme %s)',
      async (scheme) => {
        copied.mostRows = 0;
        const crossed = declaredModel(exampleOf('fixed columns and categories'));
        const expected = collector();
        await new GibbsRun(crossed, { ...settings, scheme }, expected).run();
        const prepared = await gibbs.prepare(crossed, cpuDevice(), { chains: 3, threads: 2 }, nodeStarters);
        try {
          expect(prepared.division).toBe('2 threads, which divide the rows');
          expect(await prepared.timeStep(new Float64Array(prepared.dimension))).toBeGreaterThan(0);
          const { draws, onDraw } = collector();
          await prepared.run({ ...settings, gibbs: scheme && { scheme } }, { onDraw }, {});
          expect(draws).toEqual(expected.draws);
        } finally {
          await prepared.dispose();
        }
      },
    );
  });
});
