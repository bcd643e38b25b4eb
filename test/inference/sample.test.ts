// The driver: draws that depend on seed and chain alone, runs that stop and resume bit for bit, and a free event loop.
import { describe, expect, it } from 'vitest';
import type {
  BatchedLogDensity,
  Draw,
  MetricKind,
  Phase,
  SampleSettings,
  Snapshot,
} from '../../src/inference/index.js';
import { sample, SamplingRun } from '../../src/inference/index.js';
import type { CreatePhaseSpaces } from '../../src/inference/phaseSpace/createPhaseSpaces.js';
import { HostPhaseSpaces } from '../../src/inference/phaseSpace/hostPhaseSpaces.js';
import { banana, batched, correlatedNormal, eightSchools } from './densities.js';

/** Draws by chain, each as text that shows every bit. */
type Recorded = string[][];

function recorder(chains: number): { draws: Recorded; onDraw: (draw: Draw) => void } {
  const draws: Recorded = Array.from({ length: chains }, () => []);
  const onDraw = ({ chain, phase, index, position, info }: Draw) =>
    void draws[chain].push(JSON.stringify([phase, index, ...position, info]));
  return { draws, onDraw };
}

const schools = eightSchools();
const settings: SampleSettings = { chains: 4, warmup: 120, draws: 30, seed: 11 };

async function record(density: BatchedLogDensity, more: SampleSettings = {}): Promise<Recorded> {
  const { draws, onDraw } = recorder(more.chains ?? 4);
  await sample(density, { ...settings, ...more }, { onDraw });
  return draws;
}

describe('draws depend on seed and chain alone', () => {
  it('not on the number of chains or lanes', async () => {
    const four = await record(batched(10, schools.density, 4));
    const one = await record(batched(10, schools.density, 1), { chains: 1 });
    const seven = await record(batched(10, schools.density, 8), { chains: 7 });
    expect(one[0]).toEqual(four[0]);
    expect(seven.slice(0, 4)).toEqual(four);
    expect(new Set(seven.map((chain) => chain[149])).size).toBe(7);
    expect(four.map((chain) => chain.length)).toEqual([150, 150, 150, 150]);
  });

  it('not on whether the density answers at once', async () => {
    const density = batched(10, schools.density);
    const later: BatchedLogDensity = { ...density, evaluate: () => Promise.resolve().then(() => density.evaluate()) };
    expect(await record(later)).toEqual(await record(batched(10, schools.density)));
  });

  it.each([
    ['nuts', 4],
    ['nuts', 8],
    ['nuts', 32],
    ['hmc', 4],
    ['hmc', 32],
  ] as const)('nor on how many steps are planned ahead: %s, %d', async (method, lookahead) => {
    const block: MetricKind = { kind: 'block', dense: [0, 1] };
    const lowRank: MetricKind = { kind: 'lowRank' };
    for (const [{ dimension, density }, metric] of [
      [schools, block],
      [banana, block],
      [correlatedNormal(20, 0.9), block],
      [correlatedNormal(20, 0.9), lowRank],
    ] as const) {
      const more: SampleSettings = { ...settings, method, metric };
      const [plain, planned] = [recorder(4), recorder(4)];
      let evaluations = 0;
      const batch = batched(dimension, density);
      const counted = { ...batch, evaluate: () => (evaluations++, batch.evaluate()) };
      const expected = await sample(batched(dimension, density), more, { onDraw: plain.onDraw });
      const createPhaseSpaces: CreatePhaseSpaces = (density, of) => new HostPhaseSpaces(density, of, lookahead);
      const result = await sample(counted, more, { onDraw: planned.onDraw }, { createPhaseSpaces });
      expect(planned.draws).toEqual(plain.draws);
      expect(result).toEqual(expected);
      const used = result.chains.map((chain) => chain!.warmupGradientEvaluations + chain!.gradientEvaluations);
      expect(evaluations).toBeGreaterThan(Math.max(...used));
    }
  });

  it('nor on which draws are wanted; the others come without a position', async () => {
    const isWanted = (chain: number, phase: Phase, index: number) => phase === 'sampling' && (index + chain) % 3 === 0;
    const [expected, some] = [recorder(4), recorder(4)];
    const onDraw = (draw: Draw) => {
      const { chain, phase, index } = draw;
      expected.onDraw(isWanted(chain, phase, index) ? draw : { ...draw, position: new Float64Array(0) });
    };
    await sample(batched(10, schools.density), settings, { onDraw });
    await sample(batched(10, schools.density), settings, { onDraw: some.onDraw, wantsDraw: isWanted });
    expect(some.draws).toEqual(expected.draws);
    expect(new Set(some.draws[0].map((draw) => (JSON.parse(draw) as unknown[]).length))).toEqual(new Set([3, 13]));
  });

  it('a thousand chains draw what one draws', async () => {
    const few: SampleSettings = { warmup: 0, stepSize: 0.3, draws: 20 };
    const one = await record(batched(2, banana.density, 1), { ...few, chains: 1 });
    const thousand = await record(batched(2, banana.density, 1000), { ...few, chains: 1000 });
    expect(thousand[0]).toEqual(one[0]);
    expect(new Set(thousand.map((chain) => chain[19])).size).toBe(1000);
  });

  it('and on the seed', async () => {
    const [a, b] = [
      await record(batched(10, schools.density)),
      await record(batched(10, schools.density), { seed: 'eleven' }),
    ];
    expect(a[0][149]).not.toBe(b[0][149]);
    expect(await record(batched(10, schools.density), { seed: 'eleven' })).toEqual(b);
  });
});

describe('stop and resume', () => {
  const variants: [string, SampleSettings][] = [
    ['NUTS, diagonal', {}],
    ['NUTS, dense', { metric: { kind: 'dense' } }],
    ['NUTS, block', { metric: { kind: 'block', dense: [0, 1] } }],
    ['HMC, dense', { method: 'hmc', metric: { kind: 'dense' } }],
    ['NUTS, low rank', { metric: { kind: 'lowRank', cutoff: 1.2 } }],
  ];
  // Before the first draw, inside every stage of warm-up, at its end, among the last draws.
  const stops = [0, 1, 5, 73, 74, 75, 420, 433, 434, 470, 479, 481, 482, 590];

  it.each(variants)('gives the draws of an unbroken run, bit for bit: %s', async (_, more) => {
    const whole = recorder(4);
    const unbroken = await sample(batched(10, schools.density), { ...settings, ...more }, { onDraw: whole.onDraw });
    for (const stop of stops) {
      const first = recorder(4);
      const controller = new AbortController();
      if (stop === 0) controller.abort();
      let left = stop;
      const onDraw = (draw: Draw) => {
        first.onDraw(draw);
        if (--left === 0) controller.abort();
      };
      const stopped = await sample(
        batched(10, schools.density),
        { ...settings, ...more },
        { onDraw },
        { signal: controller.signal },
      );
      expect(stopped.isComplete).toBe(false);
      const resume = JSON.parse(JSON.stringify(stopped.snapshot)) as Snapshot;
      const second = recorder(4);
      const resumed = await sample(
        batched(10, schools.density),
        { ...settings, ...more },
        { onDraw: second.onDraw },
        { resume },
      );
      expect(first.draws.map((chain, c) => [...chain, ...second.draws[c]])).toEqual(whole.draws);
      expect(resumed).toEqual(unbroken);
    }
  });

  it('a snapshot taken inside a run, at any draw of any chain, continues it', async () => {
    const whole = recorder(4);
    const asked: Promise<Snapshot>[] = [];
    let count = 0;
    const run: SamplingRun = new SamplingRun(batched(2, banana.density), settings, {
      onDraw: (draw) => {
        whole.onDraw(draw);
        if (count++ % 97 === 13) asked.push(run.snapshot());
      },
    });
    const before = await run.snapshot();
    const { snapshot } = await run.run();
    expect(await run.snapshot()).toBe(snapshot);
    expect(asked.length).toBeGreaterThan(5);
    for (const taken of [before, ...(await Promise.all(asked)), snapshot]) {
      const resume = JSON.parse(JSON.stringify(taken)) as Snapshot;
      const rest = recorder(4);
      await sample(batched(2, banana.density), settings, { onDraw: rest.onDraw }, { resume });
      expect(rest.draws).toEqual(whole.draws.map((chain, c) => chain.slice(resume.chains[c]?.transitions ?? 0)));
    }
  });

  it('a checkpoint comes when the draws handed out are those behind it, as often as asked for, and holds the run up', async () => {
    const recorded = recorder(4);
    const counts = () => recorded.draws.map((chain) => chain.length);
    let checkpoints = 0;
    const onCheckpoint = async ({ chains }: Snapshot) => {
      checkpoints++;
      const then = counts();
      expect(chains.map((chain) => chain?.transitions ?? 0)).toEqual(then);
      await Promise.resolve();
      expect(counts()).toEqual(then);
    };
    const density = batched(2, banana.density);
    await sample(density, settings, { onDraw: recorded.onDraw, onCheckpoint }, { checkpointInterval: 0 });
    expect(checkpoints).toBeGreaterThan(400);
    checkpoints = 0;
    const run: SamplingRun = new SamplingRun(density, settings, {
      onCheckpoint,
      onDraw: (draw) => {
        recorded.onDraw(draw);
        if (draw.chain === 2 && draw.index === 17) run.checkpoint();
      },
    });
    recorded.draws.forEach((chain) => (chain.length = 0));
    await run.run();
    expect(checkpoints).toBe(2);
    const failing = () => Promise.reject(new Error('disk full'));
    await expect(sample(density, settings, { onCheckpoint: failing }, { checkpointInterval: 0 })).rejects.toThrow(
      'disk full',
    );
  });

  it('a finished run can be given more draws', async () => {
    const longer = await record(batched(2, banana.density), { draws: 50 });
    const { snapshot } = await sample(batched(2, banana.density), settings);
    const more = recorder(4);
    await sample(batched(2, banana.density), { ...settings, draws: 50 }, { onDraw: more.onDraw }, { resume: snapshot });
    expect(more.draws).toEqual(longer.map((chain) => chain.slice(150)));
  });

  it('a run whose settings differ is refused by name', async () => {
    const { snapshot } = await sample(batched(2, banana.density), { ...settings, draws: 1 });
    const resumeWith = (more: SampleSettings) =>
      sample(batched(2, banana.density), { ...settings, ...more }, {}, { resume: snapshot });
    await expect(resumeWith({ seed: 12 })).rejects.toThrow(/resume: the saved run has seed 11, this one 12/);
    await expect(resumeWith({ metric: { kind: 'dense' } })).rejects.toThrow(/denseDimensions/);
    await expect(resumeWith({ method: 'hmc' })).rejects.toThrow(/method nuts, this one hmc/);
    const lowRank: SampleSettings = { metric: { kind: 'lowRank', rank: 1 } };
    await expect(resumeWith(lowRank)).rejects.toThrow(/lowRankMetric not set, this one 1 2 128/);
    const saved = await sample(batched(2, banana.density), { ...settings, ...lowRank, draws: 1 });
    await expect(sample(batched(2, banana.density), settings, {}, { resume: saved.snapshot })).rejects.toThrow(
      /lowRankMetric 1 2 128, this one not set/,
    );
  });
});

describe('the run', () => {
  it('counts every gradient evaluation', async () => {
    const density = batched(2, banana.density, 1);
    let evaluations = 0;
    const counted = { ...density, evaluate: () => (evaluations++, density.evaluate()) };
    let leapfrogSteps = 0;
    const onDraw = ({ phase, info }: Draw) => void (leapfrogSteps += phase === 'sampling' ? info.leapfrogSteps : 0);
    const { chains } = await sample(counted, { ...settings, chains: 1 }, { onDraw });
    expect(chains[0]!.warmupGradientEvaluations + chains[0]!.gradientEvaluations).toBe(evaluations);
    expect(chains[0]!.gradientEvaluations).toBe(leapfrogSteps);
  });

  it('lets no chain wait for another: batches are as many as the longest chain needs', async () => {
    const { density } = correlatedNormal(20, 0.9);
    const batch = batched(20, density);
    let evaluations = 0;
    const { chains } = await sample({ ...batch, evaluate: () => (evaluations++, batch.evaluate()) }, settings);
    const needed = chains.map((chain) => chain!.warmupGradientEvaluations + chain!.gradientEvaluations);
    expect(evaluations).toBe(Math.max(...needed));
    expect(new Set(needed).size).toBeGreaterThan(1);
  });

  it('reports divergences and full trees in info and in the counts', async () => {
    const wall = batched(1, (q, gradient) => ((gradient[0] = q[0] > 0 ? -1 : 1e6), q[0] > 0 ? -q[0] : 1e6 * q[0]), 4);
    let divergent = 0;
    const onDraw = ({ phase, info }: Draw) => void (divergent += Number(phase === 'sampling' && info.isDivergent));
    const walls = await sample(
      wall,
      { warmup: 0, draws: 50, stepSize: 0.5, initial: { centre: 1, radius: 0.5 } },
      { onDraw },
    );
    expect(divergent).toBeGreaterThan(0);
    expect(walls.chains.reduce((sum, chain) => sum + chain!.divergences, 0)).toBe(divergent);
    const shallow = await sample(batched(2, banana.density), { warmup: 0, draws: 20, stepSize: 0.01, maxTreeDepth: 2 });
    expect(shallow.chains.map((chain) => chain!.maxTreeDepthHits)).toEqual([20, 20, 20, 20]);
    expect(shallow.chains.map((chain) => chain!.gradientEvaluations)).toEqual([60, 60, 60, 60]);
  });

  it('gives the event loop a turn every 50 ms, and stops when asked from there', async () => {
    const slow = batched(2, banana.density, 4);
    const evaluate = () => {
      for (const end = performance.now() + 1; performance.now() < end;);
      void slow.evaluate();
    };
    const controller = new AbortController();
    let ticks = 0;
    const timer = setInterval(() => ++ticks === 4 && controller.abort(), 1);
    const started = performance.now();
    const { isComplete } = await sample({ ...slow, evaluate }, { warmup: 1e6 }, {}, { signal: controller.signal });
    clearInterval(timer);
    expect(isComplete).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('passes on what the density or the listener throws', async () => {
    const broken = { ...batched(2, banana.density), evaluate: () => Promise.reject(new Error('device lost')) };
    await expect(sample(broken, settings)).rejects.toThrow('device lost');
    const onDraw = () => {
      throw new Error('disk full');
    };
    await expect(sample(batched(2, banana.density), settings, { onDraw })).rejects.toThrow('disk full');
  });

  it.each([
    [{ chains: 5 }, /chains: 5, but the density evaluates 4 lanes/],
    [{ chains: 0 }, /chains: 0 is not a whole number of at least 1/],
    [{ warmup: -1 }, /warmup: -1/],
    [{ draws: 2.5 }, /draws: 2.5/],
    [{ seed: 0.5 }, /seed: 0.5 is not an integer/],
    [{ stepSize: 0 }, /stepSize: 0 is not positive/],
    [{ targetAcceptance: 1 }, /targetAcceptance: 1 is not between 0 and 1/],
    [{ maxTreeDepth: 0 }, /maxTreeDepth: 0/],
    [{ inverseMass: [1] }, /inverseMass: 1 values for 2 dimensions/],
    [{ inverseMass: [1, -1] }, /inverseMass: -1 at dimension 1 is not positive/],
    [{ priorVariances: [1, NaN] }, /priorVariances: NaN at dimension 1/],
    [{ metric: { kind: 'block', dense: [9] } }, /dense dimension 9/],
    [{ initial: { centre: [1] } }, /initial.centre: 1 values for 2 dimensions/],
    [{ initial: { positions: [[0, 0]] } }, /initial.positions: 1 given for 4 chains/],
    [{ hmc: { stepSizeJitter: 1 } }, /hmc.stepSizeJitter: 1 is not in/],
    [{ hmc: { lengthJitter: -0.1 } }, /hmc.lengthJitter: -0.1 is not in/],
    [{ hmc: { integrationTime: 0 } }, /hmc.integrationTime: 0/],
  ] as [SampleSettings, RegExp][])('refuses %o', async (bad, message) => {
    await expect(sample(batched(2, banana.density), bad)).rejects.toThrow(message);
  });
});
