// ChEES-HMC finds known posteriors within their Monte-Carlo error, adapts its trajectories, and is caught when it is broken.
import { describe, expect, it } from 'vitest';
import { essMean } from '../../../src/diagnostics/ess.js';
import { cheesStep, defaultCheesOptions, jitteredLength } from '../../../src/inference/chees/chees.js';
import type { EnsembleState } from '../../../src/inference/chees/chees.js';
import type { EnsembleCoroutine } from '../../../src/inference/chees/together.js';
import type { SampleSettings } from '../../../src/inference/index.js';
import { sample } from '../../../src/inference/index.js';
import { HostPhaseSpaces } from '../../../src/inference/phaseSpace/hostPhaseSpaces.js';
import type { PhaseSpace } from '../../../src/inference/phaseSpace/requests.js';
import type { RandomStream, StepKey } from '../../../src/inference/random/streams.js';
import { randomKey, sites, stepKey } from '../../../src/inference/random/streams.js';
import type { KnownPosterior, PlainDensity } from '../densities.js';
import { banana, batched, correlatedNormal, eightSchools, funnel, independentNormal, studentT } from '../densities.js';
import { standardErrorsOff } from '../monteCarlo.js';

const SEEDS = [1, 2, 3];
/** As in sampling.test.ts: a right sampler exceeds this in one case of 3,000. */
const LARGEST = 4.5;
const MEAN_SQUARE = 2.2;

function verdict(offsets: readonly number[]): { largest?: number; meanSquare?: number } {
  const largest = Math.max(...offsets.map(Math.abs));
  const meanSquare = offsets.reduce((total, z) => total + z * z, 0) / offsets.length;
  return { ...(largest < LARGEST ? {} : { largest }), ...(meanSquare < MEAN_SQUARE ? {} : { meanSquare }) };
}

async function draw(dimension: number, density: PlainDensity, settings: SampleSettings & { readonly chains: number }) {
  const draws: Float64Array[][] = Array.from({ length: settings.chains }, () => []);
  const result = await sample(batched(dimension, density, settings.chains), settings, {
    onDraw: ({ chain, phase, position }) => void (phase === 'sampling' && draws[chain].push(position.slice())),
  });
  return { draws, chains: result.chains.map((chain) => chain!) };
}

describe('known posteriors are found within their Monte-Carlo error', () => {
  const cases: [KnownPosterior, SampleSettings][] = [
    [independentNormal, {}],
    [correlatedNormal(2, 0.95), {}],
    [correlatedNormal(20, 0.9), {}],
    [correlatedNormal(20, 0.9), { metric: { kind: 'dense' } }],
    [correlatedNormal(20, 0.9), { metric: { kind: 'block', dense: [0, 1, 7] } }],
    [correlatedNormal(20, 0.9), { metric: { kind: 'lowRank' } }],
    [funnel, {}],
    [studentT, {}],
    [banana, { targetAcceptance: 0.9 }],
    [eightSchools(), { targetAcceptance: 0.8 }],
    [independentNormal, { superchains: 4 }],
  ];
  it.each(cases.map(([posterior, settings]) => ({ name: posterior.name, posterior, settings })))(
    '$name, $settings',
    async ({ posterior, settings }) => {
      const offsets: number[] = [];
      for (const seed of SEEDS) {
        const run = { method: 'chees', chains: 16, warmup: 250, draws: 300, ...settings, seed } as const;
        const { draws } = await draw(posterior.dimension, posterior.density, run);
        offsets.push(...standardErrorsOff(posterior, draws).map(({ z }) => z));
      }
      expect(verdict(offsets)).toEqual({});
    },
  );

  it.each([1, 2, 7, 1000])('with %i chains', async (chains) => {
    const draws = chains === 1000 ? 12 : Math.ceil(3000 / chains);
    const offsets: number[] = [];
    for (const seed of chains === 1000 ? [1] : SEEDS) {
      const warmup = chains === 1000 ? 80 : 150;
      const run = { method: 'chees', chains, warmup, draws, seed } as const;
      const found = await draw(3, independentNormal.density, run);
      // A thousand chains are independent samples: their means are compared.
      const values = chains < 1000 ? found.draws : [found.draws.map((chain) => chain[draws - 1])];
      offsets.push(...standardErrorsOff(independentNormal, values).map(({ z }) => z));
    }
    expect(verdict(offsets)).toEqual({});
  });
});

describe('trajectories', () => {
  const dimension = 10;
  /** Smallest ESS of means and of squares per gradient. */
  async function efficiency(density: PlainDensity, settings: SampleSettings) {
    const { draws, chains } = await draw(dimension, density, { chains: 32, warmup: 300, draws: 100, ...settings });
    const gradients = chains.reduce((sum, { gradientEvaluations }) => sum + gradientEvaluations, 0);
    const sizes = Array.from({ length: dimension }, (_, i) =>
      [1, 2].map((power) => essMean(draws.map((chain) => Float64Array.from(chain, (q) => q[i] ** power)))),
    );
    return { perGradient: Math.min(...sizes.flat()) / gradients, chain: chains[0] };
  }
  /** Standard deviations from 0.1 to 10. */
  const illConditioned: PlainDensity = (q, gradient) => {
    let total = 0;
    for (let i = 0; i < dimension; i++) {
      const scale = 10 ** (-1 + (2 * i) / (dimension - 1));
      total -= (q[i] / scale) ** 2 / 2;
      gradient[i] = -q[i] / scale ** 2;
    }
    return total;
  };

  it('of an ill-conditioned normal are a few steps long in the metric found', async () => {
    const { chain, perGradient } = await efficiency(illConditioned, { method: 'chees', seed: 2 });
    // Standard deviations are 1 in the metric: half a period is π, and the jitter's mean one half.
    expect(chain.trajectoryLength).toBeGreaterThan(1);
    expect(chain.trajectoryLength).toBeLessThan(2 * Math.PI);
    expect(perGradient).toBeGreaterThan(0.1);
  });

  it('of a correlated normal grow to where no fixed length does much better, and poor ones do much worse', async () => {
    const { density } = correlatedNormal(dimension, 0.95);
    const adapted = await efficiency(density, { method: 'chees', seed: 3 });
    const fixed = async (integrationTime: number): Promise<number> => {
      const hmc = { integrationTime, stepSizeJitter: 0.2 };
      return (await efficiency(density, { method: 'hmc', hmc, targetAcceptance: 0.75, seed: 3 })).perGradient;
    };
    // The slowest direction has a standard deviation of about 2.8 in the metric, and a quarter period of 4.4.
    expect(adapted.chain.trajectoryLength).toBeGreaterThan(3.5);
    expect(adapted.chain.trajectoryLength).toBeLessThan(14);
    const [short, good, long] = [await fixed(0.7), await fixed(4.4), await fixed(18)];
    expect(adapted.perGradient).toBeGreaterThan(0.5 * good);
    expect(adapted.perGradient).toBeGreaterThan(3 * short);
    expect(adapted.perGradient).toBeGreaterThan(3 * long);
  });

  it('adapt to the target acceptance', async () => {
    const rates: number[] = [];
    await sample(
      batched(dimension, illConditioned, 32),
      { method: 'chees', chains: 32, warmup: 400, draws: 100, seed: 5 },
      { onDraw: ({ phase, info }) => void (phase === 'sampling' && rates.push(info.acceptanceRate)) },
    );
    const harmonic = rates.length / rates.reduce((sum, rate) => sum + 1 / Math.max(rate, 0.01), 0);
    expect(Math.abs(harmonic - 0.651)).toBeLessThan(0.12);
  });

  it('do not change after warm-up', async () => {
    const { chains } = await draw(3, independentNormal.density, { method: 'chees', chains: 8, warmup: 60, draws: 5 });
    const longer = await draw(3, independentNormal.density, { method: 'chees', chains: 8, warmup: 60, draws: 40 });
    expect(longer.chains[0].trajectoryLength).toBe(chains[0].trajectoryLength);
    expect(longer.chains[0].stepSize).toBe(chains[0].stepSize);
    expect(longer.chains.map(({ inverseMass }) => inverseMass)).toEqual(chains.map(({ inverseMass }) => inverseMass));
  });
});

describe('broken samplers', () => {
  const posterior = correlatedNormal(2, 0.8);
  const chains = 4;
  interface Breakage {
    readonly random?: (stream: RandomStream) => RandomStream;
    /** Length of the trajectory from where the first chain is. */
    readonly length?: (length: number, position: Float64Array) => number;
  }

  function offsetsOf({ random = (stream) => stream, length = (given) => given }: Breakage): number[] {
    return SEEDS.flatMap((seed) => {
      const density = batched(2, posterior.density, chains);
      const inverseMass = Float64Array.of(1, 1);
      const slots = () => ({ points: 2, momenta: 2 });
      const spaces = new HostPhaseSpaces(density, { chains, inverseMass, denseIndices: new Int32Array(0), slots });
      const lanes = Array.from({ length: chains }, (_, chain): PhaseSpace => {
        return { lookahead: 1, logDensityAt: (point) => spaces.logDensityAt(chain, point) };
      });
      const drive = <R>(coroutine: EnsembleCoroutine<R>): R => {
        let next = coroutine.next();
        while (!next.done) next = coroutine.next({ lists: spaces.answer(next.value.lists) as Float64Array[] });
        return next.value;
      };
      const position = Float64Array.of(0.5, -0.5);
      void spaces.answer(
        lanes.map(() => [
          { kind: 'write', point: 0, position },
          { kind: 'evaluate', point: 0 },
        ]),
      );
      let state: EnsembleState = lanes.map(() => ({ point: 0 }));
      const positions: Float64Array[][] = lanes.map(() => []);
      for (let step = 0; step < 4000; step++) {
        const keys = lanes.map((_, chain): StepKey => {
          const key = stepKey(randomKey(seed), chain, step);
          const stream = (site: number): RandomStream =>
            site === sites.trajectory ? random(key.stream(site)) : key.stream(site);
          return { stream };
        });
        const now = spaces.save(0, state[0].point).position;
        const jittered = length(jitteredLength(2, step), now);
        [state] = drive(cheesStep(lanes, defaultCheesOptions, keys, state, 0.6, jittered));
        state.forEach(({ point }, chain) => positions[chain].push(spaces.save(chain, point).position));
      }
      return standardErrorsOff(posterior, positions).map(({ z }) => z);
    });
  }

  it('as it is it passes', () => {
    expect(verdict(offsetsOf({}))).toEqual({});
  });

  it.each<[string, Breakage]>([
    [
      'accepts whatever the energy',
      {
        random: (stream) => ({
          uniform: () => stream.uniform(),
          fillNormal: (target) => stream.fillNormal(target),
          bernoulli: () => true,
        }),
      },
    ],
    ['chooses the length by where it is', { length: (given, [q]) => (q > 0 ? 0.1 : given) }],
  ])('one that %s is caught', (_, breakage) => {
    expect(verdict(offsetsOf(breakage))).not.toEqual({});
  });
});
