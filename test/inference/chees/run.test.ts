// Runs of ChEES-HMC: draws that depend on the seed alone, resume bit for bit, superchains, and settings that cannot be.
import { describe, expect, it } from 'vitest';
import type { BatchedLogDensity, Draw, SampleSettings, Snapshot } from '../../../src/inference/index.js';
import { sample, SamplingRun } from '../../../src/inference/index.js';
import type { CreatePhaseSpaces } from '../../../src/inference/phaseSpace/createPhaseSpaces.js';
import { HostPhaseSpaces } from '../../../src/inference/phaseSpace/hostPhaseSpaces.js';
import { defaultSuperchains } from '../../../src/inference/settings.js';
import { banana, batched, correlatedNormal, eightSchools } from '../densities.js';

const schools = eightSchools();
const chains = 6;
const settings: SampleSettings = { method: 'chees', chains, warmup: 60, draws: 20, seed: 11 };
const density = (): BatchedLogDensity => batched(10, schools.density, chains);

function recorder(): { draws: string[][]; onDraw: (draw: Draw) => void } {
  const draws: string[][] = Array.from({ length: chains }, () => []);
  const onDraw = ({ chain, phase, index, position, info }: Draw) =>
    void draws[chain].push(JSON.stringify([phase, index, ...position, info]));
  return { draws, onDraw };
}

describe('draws', () => {
  it('come from every chain, transition by transition, all with the same number of steps', async () => {
    const order: [number, number][] = [];
    await sample(density(), settings, {
      onDraw: ({ chain, phase, index, info }) => {
        order.push([chain, (phase === 'warmup' ? 0 : 60) + index]);
        if (phase === 'sampling') expect(info.isDivergent || info.leapfrogSteps >= 1).toBe(true);
      },
    });
    expect(order).toEqual(Array.from({ length: 80 * chains }, (_, i) => [i % chains, Math.floor(i / chains)]));
  });

  it('do not depend on whether the density answers at once', async () => {
    const [atOnce, later] = [recorder(), recorder()];
    const plain = density();
    const slow: BatchedLogDensity = { ...plain, evaluate: () => Promise.resolve().then(() => plain.evaluate()) };
    await sample(density(), settings, { onDraw: atOnce.onDraw });
    await sample(slow, settings, { onDraw: later.onDraw });
    expect(later.draws).toEqual(atOnce.draws);
    expect(new Set(atOnce.draws.map((chain) => chain[79])).size).toBe(chains);
  });

  it.each([4, 32])('nor on how many steps are planned ahead: %i', async (lookahead) => {
    for (const { dimension, density: plain } of [schools, banana, correlatedNormal(20, 0.9)]) {
      const [expected, planned] = [recorder(), recorder()];
      const createPhaseSpaces: CreatePhaseSpaces = (of, more) => new HostPhaseSpaces(of, more, lookahead);
      const here = await sample(batched(dimension, plain, chains), settings, { onDraw: expected.onDraw });
      const there = await sample(
        batched(dimension, plain, chains),
        settings,
        { onDraw: planned.onDraw },
        { createPhaseSpaces },
      );
      expect(planned.draws).toEqual(expected.draws);
      expect(there).toEqual(here);
    }
  });

  it('nor on whether reductions over chains are awaited', async () => {
    const [atOnce, later] = [recorder(), recorder()];
    const createPhaseSpaces: CreatePhaseSpaces = (of, more) => {
      const spaces = new HostPhaseSpaces(of, more);
      const { pooled } = spaces;
      const slow = {
        moveStatistics: (moves: Parameters<typeof pooled.moveStatistics>[0]) =>
          Promise.resolve().then(() => pooled.moveStatistics(moves)),
        adapt: (variances: Float64Array) => Promise.resolve().then(() => pooled.adapt(variances)),
      };
      return Object.assign(spaces, { pooled: slow });
    };
    await sample(density(), settings, { onDraw: atOnce.onDraw });
    await sample(density(), settings, { onDraw: later.onDraw }, { createPhaseSpaces });
    expect(later.draws).toEqual(atOnce.draws);
  });

  it('nor on which are wanted', async () => {
    const [all, some] = [recorder(), recorder()];
    await sample(density(), settings, {
      onDraw: (draw) => all.onDraw(draw.index % 3 === 0 ? draw : { ...draw, position: new Float64Array(0) }),
    });
    await sample(density(), settings, { onDraw: some.onDraw, wantsDraw: (_, __, index) => index % 3 === 0 });
    expect(some.draws).toEqual(all.draws);
  });

  it('cost what is counted', async () => {
    let evaluations = 0;
    const plain = density();
    const counted = { ...plain, evaluate: () => (evaluations++, plain.evaluate()) };
    const { chains: results } = await sample(counted, settings, {});
    const used = results.map((chain) => chain!.warmupGradientEvaluations + chain!.gradientEvaluations);
    // Chains whose trajectory diverges stop early; the others take part in every batch.
    expect(Math.max(...used)).toBe(evaluations);
  });
});

describe('stop and resume', () => {
  const variants: [string, SampleSettings][] = [
    ['diagonal', {}],
    ['block', { metric: { kind: 'block', dense: [0, 1] } }],
    ['low rank', { metric: { kind: 'lowRank', cutoff: 1.2 } }],
    ['superchains', { superchains: 3 }],
  ];
  // In transitions: before the first draw, within and at the end of every stage (9, 18, 36, 60), among the last.
  const stops = [0, 1, 4, 8, 9, 10, 17, 18, 19, 35, 36, 37, 59, 60, 61, 79];

  it.each(variants)('gives the draws of an unbroken run, bit for bit: %s', async (_, more) => {
    const whole = recorder();
    const unbroken = await sample(density(), { ...settings, ...more }, { onDraw: whole.onDraw });
    for (const stop of stops) {
      const first = recorder();
      const controller = new AbortController();
      if (stop === 0) controller.abort();
      const onDraw = (draw: Draw): void => {
        first.onDraw(draw);
        if (draw.chain === 0 && first.draws[0].length === stop) controller.abort();
      };
      const stopped = await sample(density(), { ...settings, ...more }, { onDraw }, { signal: controller.signal });
      expect(stopped.isComplete).toBe(false);
      const resume = JSON.parse(JSON.stringify(stopped.snapshot)) as Snapshot;
      const second = recorder();
      const resumed = await sample(density(), { ...settings, ...more }, { onDraw: second.onDraw }, { resume });
      expect(
        first.draws.map((chain, c) => [...chain, ...second.draws[c]]),
        `after ${stop}`,
      ).toEqual(whole.draws);
      expect(resumed).toEqual(unbroken);
    }
  });

  it('from a snapshot between any two batches', async () => {
    const whole = recorder();
    await sample(density(), settings, { onDraw: whole.onDraw });
    const taken: { snapshot: Snapshot; drawn: number }[] = [];
    let drawn = 0;
    const plain = density();
    // The density asks for a snapshot at every evaluation; it is taken when the batch has ended.
    const asking = { ...plain, evaluate: () => (run.checkpoint(), plain.evaluate()) };
    const run: SamplingRun = new SamplingRun(asking, settings, {
      onDraw: ({ chain }) => void (chain === 0 && drawn++),
      onCheckpoint: (snapshot) => void taken.push({ snapshot, drawn }),
    });
    await run.run();
    expect(taken.length).toBeGreaterThan(200);
    for (const { snapshot, drawn: before } of taken.filter((_, i) => i % 23 === 0)) {
      const rest = recorder();
      await sample(density(), settings, { onDraw: rest.onDraw }, { resume: snapshot });
      expect(rest.draws).toEqual(whole.draws.map((chain) => chain.slice(before)));
    }
  });

  it('allows more draws, and refuses other settings', async () => {
    const short = await sample(density(), settings, {});
    const [rest, whole] = [recorder(), recorder()];
    await sample(density(), { ...settings, draws: 30 }, { onDraw: rest.onDraw }, { resume: short.snapshot });
    await sample(density(), { ...settings, draws: 30 }, { onDraw: whole.onDraw });
    expect(rest.draws).toEqual(whole.draws.map((chain) => chain.slice(80)));
    const resumeWith = (more: SampleSettings) =>
      sample(density(), { ...settings, ...more }, {}, { resume: short.snapshot });
    await expect(resumeWith({ method: 'nuts' })).rejects.toThrow(/method chees, this one nuts/);
    await expect(resumeWith({ superchains: 2 })).rejects.toThrow(/superchains/);
    await expect(resumeWith({ chees: { trajectoryLength: 1 } })).rejects.toThrow(/trajectoryLength/);
  });
});

describe('superchains', () => {
  it('are chains that start at the same point and go different ways', async () => {
    const starts: Float64Array[] = [];
    const plain = density();
    const watched = {
      ...plain,
      evaluate: () => {
        const at = (chain: number) => Float64Array.from({ length: 10 }, (_, i) => plain.positions[i * chains + chain]);
        if (starts.length === 0) for (let chain = 0; chain < chains; chain++) starts.push(at(chain));
        return plain.evaluate();
      },
    };
    const { draws, onDraw } = recorder();
    await sample(watched, { ...settings, superchains: 2, warmup: 0, draws: 3, stepSize: 0.1 }, { onDraw });
    expect(starts.slice(0, 3)).toEqual([starts[0], starts[0], starts[0]]);
    expect(starts.slice(3)).toEqual([starts[3], starts[3], starts[3]]);
    expect(starts[0]).not.toEqual(starts[3]);
    expect(new Set(draws.map((chain) => chain[2])).size).toBe(chains);
  });

  it('are at most 16 and at least 4 where nothing is said', () => {
    expect([64, 1000, 100, 32, 20, 8, 256, 12].map(defaultSuperchains)).toEqual([16, 10, 10, 16, 10, 4, 16, 6]);
    // No such number: every chain has a start of its own.
    expect([1, 2, 4, 6, 7, 37].map(defaultSuperchains)).toEqual([1, 2, 4, 6, 7, 37]);
  });
});

describe('settings', () => {
  it.each<[SampleSettings, RegExp]>([
    [{ superchains: 4 }, /superchains: 4 does not divide 6 chains/],
    [{ superchains: 0 }, /superchains: 0/],
    [{ part: { first: 0, count: 3 } }, /part: chees adapts over all 6 chains/],
    [{ chees: { trajectoryLength: 0 } }, /chees.trajectoryLength: 0 is not positive/],
    [{ chees: { maxLeapfrogSteps: 0 } }, /chees.maxLeapfrogSteps: 0/],
  ])('%j are refused', (more, message) => {
    expect(() => new SamplingRun(density(), { ...settings, ...more })).toThrow(message);
  });

  it('are 64 chains unless they say otherwise', () => {
    expect(() => new SamplingRun(density(), { method: 'chees' })).toThrow(/chains: 64, but the density evaluates 6/);
  });

  it('of a device that does not reduce over chains are refused', async () => {
    const createPhaseSpaces: CreatePhaseSpaces = (of, more) =>
      Object.assign(new HostPhaseSpaces(of, more), { pooled: undefined });
    await expect(sample(density(), settings, {}, { createPhaseSpaces })).rejects.toThrow(/does not reduce over chains/);
  });

  it('of the length of trajectories hold without warm-up', async () => {
    const run = {
      ...settings,
      warmup: 0,
      draws: 8,
      stepSize: 0.25,
      chees: { trajectoryLength: 2, maxLeapfrogSteps: 6 },
    };
    const steps: number[] = [];
    await sample(
      batched(10, (q, g) => (g.fill(0), 0 * q[0]), chains),
      run,
      {
        onDraw: ({ chain, info }) => void (chain === 0 && steps.push(info.leapfrogSteps)),
      },
    );
    // Halton 1/2, 1/4, 3/4, 1/8, 5/8, 3/8, 7/8, 1/16 of 8 steps, at most 6, rounded up.
    expect(steps).toEqual([4, 2, 6, 1, 5, 3, 6, 1]);
  });
});
