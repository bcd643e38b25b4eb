// Known posteriors in Monte-Carlo standard errors over several seeds; and broken samplers that the same check must catch.
import { describe, expect, it } from 'vitest';
import { hmc } from '../../src/inference/hmc.js';
import type { SampleSettings } from '../../src/inference/index.js';
import { sample } from '../../src/inference/index.js';
import { nuts } from '../../src/inference/nuts.js';
import { HostPhaseSpace } from '../../src/inference/phaseSpace/hostPhaseSpace.js';
import { diagonalMetric } from '../../src/inference/phaseSpace/metric.js';
import type { BatchedRequest } from '../../src/inference/phaseSpace/requests.js';
import type { RandomStream, StepKey } from '../../src/inference/random/streams.js';
import { randomKey, sites, stepKey } from '../../src/inference/random/streams.js';
import type { KnownPosterior } from './densities.js';
import { banana, batched, correlatedNormal, eightSchools, funnel, independentNormal, studentT } from './densities.js';
import { runKernel, samplerView, standardErrorsOff } from './monteCarlo.js';
import { firstOf } from '../thorough.js';

const SEEDS = firstOf([1, 2, 3]);
/** A case has 12 to 45 statistics; a right sampler exceeds 4.5 standard errors in one of them once in 3,000 cases. */
const LARGEST = 4.5;
/** Statistics of one chain are correlated, so their mean square scatters around 1 more than independent ones would. */
const MEAN_SQUARE = 2.2;

async function standardErrors(posterior: KnownPosterior, settings: SampleSettings): Promise<number[]> {
  const offsets: number[] = [];
  for (const seed of SEEDS) {
    const chains: Float64Array[][] = [[], [], [], []];
    await sample(
      batched(posterior.dimension, posterior.density),
      { warmup: 600, draws: 1500, ...settings, seed },
      { onDraw: ({ chain, phase, position }) => void (phase === 'sampling' && chains[chain].push(position.slice())) },
    );
    offsets.push(...standardErrorsOff(posterior, chains).map(({ z }) => z));
  }
  return offsets;
}

/** The figures that are out of bounds. */
function verdict(offsets: readonly number[]): { largest?: number; meanSquare?: number } {
  const largest = Math.max(...offsets.map(Math.abs));
  const meanSquare = offsets.reduce((total, z) => total + z * z, 0) / offsets.length;
  return { ...(largest < LARGEST ? {} : { largest }), ...(meanSquare < MEAN_SQUARE ? {} : { meanSquare }) };
}

const PASS = {};

const cases: [KnownPosterior, SampleSettings][] = [
  [independentNormal, {}],
  [correlatedNormal(2, 0.95), {}],
  [correlatedNormal(2, 0.95), { metric: { kind: 'dense' } }],
  [correlatedNormal(20, 0.9), {}],
  [correlatedNormal(20, 0.9), { metric: { kind: 'dense' } }],
  [correlatedNormal(20, 0.9), { metric: { kind: 'block', dense: [0, 1, 7] } }],
  [correlatedNormal(20, 0.9), { metric: { kind: 'lowRank' } }],
  [correlatedNormal(40, 0.95), { metric: { kind: 'lowRank', rank: 10 } }],
  [independentNormal, { metric: { kind: 'lowRank', cutoff: 1.1 } }],
  [eightSchools(), { metric: { kind: 'lowRank', cutoff: 1.1 }, targetAcceptance: 0.9 }],
  [banana, { metric: { kind: 'lowRank', cutoff: 1.1 }, targetAcceptance: 0.95 }],
  [correlatedNormal(2, 0.95), { method: 'hmc', metric: { kind: 'lowRank' } }],
  [funnel, {}],
  [studentT, {}],
  [banana, { targetAcceptance: 0.95 }],
  [eightSchools(), { targetAcceptance: 0.9 }],
  [independentNormal, { method: 'hmc' }],
  [correlatedNormal(2, 0.95), { method: 'hmc', metric: { kind: 'dense' } }],
  [studentT, { method: 'hmc' }],
  [correlatedNormal(2, 0.95), { method: 'hmc', hmc: { integrationTime: 3, lengthJitter: 0.6, stepSizeJitter: 0 } }],
];

describe('known posteriors are found within their Monte-Carlo error', () => {
  it.each(cases.map(([posterior, settings]) => ({ name: posterior.name, posterior, settings })))(
    '$name, $settings',
    async ({ posterior, settings }) => {
      const offsets = await standardErrors(posterior, settings);
      expect(verdict(offsets)).toEqual(PASS);
    },
  );
});

describe('broken samplers', () => {
  const posterior = correlatedNormal(2, 0.8);
  type Breakage = { space?: typeof HostPhaseSpace; random?: (stream: RandomStream) => RandomStream };

  function offsetsOf(method: 'hmc' | 'nuts', { space: Space = HostPhaseSpace, random }: Breakage): number[] {
    return SEEDS.flatMap((seed) => {
      const chains = [0, 1, 2, 3].map((chain) => {
        const density = batched(2, posterior.density, 1);
        const space = new Space(density, 0, diagonalMetric(2));
        const keys = Array.from({ length: 4000 }, (_, step): StepKey => {
          const key = stepKey(randomKey(seed), chain, step);
          return {
            stream: (site) => (random && site === sites.trajectory ? random(key.stream(site)) : key.stream(site)),
          };
        });
        const view = samplerView(space);
        return runKernel(method === 'hmc' ? hmc(view) : nuts(view), space, density, [0.5, -0.5], keys, 0.6).positions;
      });
      return standardErrorsOff(posterior, chains).map(({ z }) => z);
    });
  }

  /** Second half-kick with the wrong sign of the momentum change: volume is preserved, reversibility is not. */
  class WrongSign extends HostPhaseSpace {
    override finish(request: BatchedRequest): number {
      return super.finish(request.kind === 'leapfrog' ? { ...request, stepSize: -request.stepSize } : request);
    }
  }

  /** Kinetic energy left out: proposals are weighed by the density alone. */
  class NoKineticEnergy extends HostPhaseSpace {
    override finish(request: BatchedRequest): number {
      super.finish(request);
      return -this.logDensityAt(request.kind === 'leapfrog' ? request.to.point : request.point);
    }
  }

  const alwaysYes = (stream: RandomStream): RandomStream => ({
    uniform: () => stream.uniform(),
    fillNormal: (target) => stream.fillNormal(target),
    bernoulli: () => true,
  });
  const unweighted = (stream: RandomStream): RandomStream => ({
    uniform: () => stream.uniform(),
    fillNormal: (target) => stream.fillNormal(target),
    bernoulli: () => stream.bernoulli(0.5),
  });

  it.each(['hmc', 'nuts'] as const)('%s as it is passes', (method) => {
    expect(verdict(offsetsOf(method, {}))).toEqual(PASS);
  });

  it.each([
    ['hmc', 'that accepts the last state whatever its energy', { random: alwaysYes }],
    ['hmc', 'with the wrong momentum sign in the second half-kick', { space: WrongSign }],
    ['hmc', 'that forgets the kinetic energy', { space: NoKineticEnergy }],
    ['nuts', 'that always moves to the newest state', { random: alwaysYes }],
    ['nuts', 'that ignores the weights of its subtrees', { random: unweighted }],
    ['nuts', 'with the wrong momentum sign in the second half-kick', { space: WrongSign }],
    ['nuts', 'that forgets the kinetic energy', { space: NoKineticEnergy }],
  ] as ['hmc' | 'nuts', string, Breakage][])('%s %s is caught', (method, _, breakage) => {
    expect(verdict(offsetsOf(method, breakage))).not.toEqual(PASS);
  });
});
