// What every method of inference owes: draws of the model's positions, the same for the same seed, exact after an interruption.
import { describe, expect, it } from 'vitest';
import type { Draw, DrawInfo, Method, MethodResult, MethodSettings } from '../../../src/inference/index.js';
import { positionBlocks } from '../../../src/inference/index.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { Model } from '../../../src/models/model.js';

type Taken = Pick<Draw<DrawInfo>, 'chain' | 'phase' | 'index' | 'info'> & { readonly position: Float64Array };

interface Ran {
  readonly result: MethodResult;
  readonly draws: readonly Taken[];
}

const sizes = { chains: 2, threads: 1 };

/** Runs the method, up to so many draws handed out; goes on from a snapshot where one is given. */
async function runMethod(
  method: Method,
  model: Model,
  settings: MethodSettings,
  { stopAfter = Infinity, resume }: { readonly stopAfter?: number; readonly resume?: object } = {},
): Promise<Ran> {
  const prepared = await method.prepare(model, cpuDevice(), sizes);
  const draws: Taken[] = [];
  const stop = new AbortController();
  try {
    const result = await prepared.run(
      settings,
      {
        onDraw: ({ chain, phase, index, position, info }) => {
          draws.push({ chain, phase, index, position: position.slice(), info: { ...info } });
          if (draws.length === stopAfter) stop.abort();
        },
      },
      { signal: stop.signal, ...(resume && { resume }) },
    );
    return { result, draws };
  } finally {
    await prepared.dispose();
    await prepared.dispose();
  }
}

const inOrder = (draws: readonly Taken[]): Taken[] =>
  [...draws].sort((a, b) => a.chain - b.chain || a.phase.localeCompare(b.phase) * -1 || a.index - b.index);

/** The tests that every method passes on a model that suits it. */
export function methodContract(method: Method, modelOf: () => Model): void {
  describe(`method ${method.name}`, () => {
    const settings = { chains: 2, warmup: method.usual.warmup === 0 ? 0 : 30, draws: 20, seed: 5 };

    it('suits the model, and says what it is', () => {
      expect(method.refusal(modelOf())).toBeUndefined();
      expect(method.title).toMatch(/^\S.*\S$/);
      for (const count of [method.usual.chains, method.usual.draws]) expect(count).toBeGreaterThan(0);
    });

    it('hands out every draw of every chain once, as finite positions with the statistics that it names', async () => {
      const model = modelOf();
      const dimension = positionBlocks(model).reduce((sum, { size }) => sum + size, 0);
      const { result, draws } = await runMethod(method, model, settings);
      expect(result.isComplete).toBe(true);
      const sampled = draws.filter(({ phase }) => phase === 'sampling');
      for (const chain of [0, 1]) {
        const indices = sampled.filter((draw) => draw.chain === chain).map(({ index }) => index);
        expect(indices).toEqual(Array.from({ length: settings.draws }, (_, i) => i));
      }
      for (const { position, info } of sampled) {
        expect(position.length).toBe(dimension);
        expect(position.every(Number.isFinite)).toBe(true);
        for (const name of method.statistics) expect(info[name], name).toBeDefined();
      }
      expect(result.chains.reduce((sum, chain) => sum + chain!.effort, 0)).toBeGreaterThan(0);
      for (const { name, detail } of result.findings) expect(`${name}: ${detail}`).not.toContain('\n');
    });

    it('gives the same draws for the same seed, and others for another', async () => {
      const run = async (seed: number): Promise<Taken[]> =>
        inOrder((await runMethod(method, modelOf(), { ...settings, seed })).draws);
      const [first, again, other] = [await run(5), await run(5), await run(6)];
      expect(again).toEqual(first);
      expect(other.map(({ position }) => position)).not.toEqual(first.map(({ position }) => position));
    });

    it('goes on from where it was stopped with the draws of an unbroken run, through JSON', async () => {
      const unbroken = await runMethod(method, modelOf(), settings);
      for (const stopAfter of [1, 17]) {
        const broken = await runMethod(method, modelOf(), settings, { stopAfter });
        expect(broken.result.isComplete).toBe(false);
        const resume = JSON.parse(JSON.stringify(broken.result.snapshot)) as object;
        const rest = await runMethod(method, modelOf(), settings, { resume });
        expect(rest.result.isComplete).toBe(true);
        expect(inOrder([...broken.draws, ...rest.draws])).toEqual(inOrder(unbroken.draws));
      }
    });
  });
}
