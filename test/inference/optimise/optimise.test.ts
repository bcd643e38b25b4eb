// L-BFGS and Newton-CG find known maxima, stop for the reasons they name, and products with Hessians are right.
import { describe, expect, it } from 'vitest';
import { conjugateGradient, curvatureTimes } from '../../../src/inference/optimise/conjugateGradient.js';
import {
  driveAlone,
  driveTogether,
  type Evaluating,
  newPoint,
  type Point,
} from '../../../src/inference/optimise/evaluating.js';
import { lbfgs, type OptimiseResult } from '../../../src/inference/optimise/lbfgs.js';
import { newtonConjugateGradient } from '../../../src/inference/optimise/newton.js';
import { randomNumbers } from '../../models/random.js';
import { batched, correlatedNormal, eightSchools, type PlainDensity } from '../densities.js';

/** −Rosenbrock in n dimensions: maximum 0 at (1, …, 1), a curved ridge on the way. */
const rosenbrock: PlainDensity = (q, gradient) => {
  let total = 0;
  gradient.fill(0);
  for (let i = 0; i + 1 < q.length; i++) {
    const [a, b] = [1 - q[i], q[i + 1] - q[i] ** 2];
    total -= a * a + 100 * b * b;
    gradient[i] += 2 * a + 400 * b * q[i];
    gradient[i + 1] -= 200 * b;
  }
  return total;
};

/** Finite on the positive half-line only: log x − x. */
const halfLine: PlainDensity = (q, gradient) => {
  gradient[0] = 1 / q[0] - 1;
  return Math.log(q[0]) - q[0];
};

const evaluator =
  (density: PlainDensity) =>
  (point: Point): void =>
    void (point.value = density(point.position, point.gradient));

const methods: Record<string, (start: ArrayLike<number>, variances?: ArrayLike<number>) => Evaluating<OptimiseResult>> =
  {
    'L-BFGS': (start, variances) => lbfgs(start, { variances, tolerance: 1e-12 }),
    'Newton-CG': (start, variances) => newtonConjugateGradient(start, { variances, tolerance: 1e-12 }),
  };

describe.each(Object.entries(methods))('%s', (_, method) => {
  it.each([2, 10])('climbs the Rosenbrock ridge in %i dimensions, from several starts', async (dimension) => {
    const random = randomNumbers('rosenbrock');
    for (let repeat = 0; repeat < 5; repeat++) {
      // There is a local maximum where the first coordinate is −1: the starts are on this side of it.
      const start = Float64Array.from({ length: dimension }, () => random.uniform());
      const { point, stop } = await driveAlone(method(start), evaluator(rosenbrock));
      expect(stop).toBe('converged');
      point.position.forEach((value) => expect(Math.abs(value - 1)).toBeLessThan(1e-5));
    }
  });

  it('is not misled by scales from 10⁻³ to 10³ when told of them, roughly', async () => {
    const scales = [1e-3, 1e-1, 1, 30, 1e3];
    const density: PlainDensity = (q, gradient) => {
      let total = 0;
      scales.forEach((scale, i) => {
        const z = (q[i] - i * scale) / scale;
        gradient[i] = -z / scale;
        total -= (z * z) / 2;
      });
      return total;
    };
    const variances = scales.map((scale, i) => (scale * (i % 2 === 0 ? 2 : 0.5)) ** 2);
    const { point, evaluations } = await driveAlone(method([5, 5, 5, 5, 5], variances), evaluator(density));
    scales.forEach((scale, i) => expect(Math.abs(point.position[i] / scale - i)).toBeLessThan(1e-5));
    expect(evaluations).toBeLessThan(80);
  });

  it('steps back where the function cannot be evaluated', async () => {
    const { point, stop } = await driveAlone(method([8]), evaluator(halfLine));
    expect(stop).toBe('converged');
    expect(point.position[0]).toBeCloseTo(1, 5);
    const failed = await driveAlone(method([-1]), evaluator(halfLine));
    expect(failed.stop).toBe('notFinite');
  });

  it('finds a maximum on a plateau that rounding has made rough', async () => {
    const offset: PlainDensity = (q, gradient) => correlatedNormal(20, 0.9).density(q, gradient) + 1e8;
    const { point } = await driveAlone(method(new Float64Array(20).fill(3)), evaluator(offset));
    // Values have steps of 1.5e-8 here, so a distance of 1e-3 sds is well below what they show.
    point.position.forEach((value) => expect(Math.abs(value)).toBeLessThan(1e-3));
  });
});

describe('stops', () => {
  it('says that iterations ran out', async () => {
    const result = await driveAlone(lbfgs([-1, 1, -1, 1], { maxIterations: 3 }), evaluator(rosenbrock));
    expect(result).toMatchObject({ stop: 'iterations', iterations: 3 });
  });

  it('rejects when aborted', async () => {
    const stop = new AbortController();
    const evaluate = evaluator(rosenbrock);
    let calls = 0;
    const aborting = (point: Point): void => {
      if (++calls === 5) stop.abort();
      evaluate(point);
    };
    await expect(driveAlone(lbfgs([-1, 1, -1, 1]), aborting, stop.signal)).rejects.toThrow(/abort/);
    expect(calls).toBe(5);
  });
});

it('coroutines side by side on lanes do as they do alone', async () => {
  const { dimension, density } = eightSchools();
  const random = randomNumbers('side by side');
  const starts = Array.from({ length: 5 }, () => random.normals(dimension));
  // Three lanes for five climbs: two batches a step.
  const together = await driveTogether(
    starts.map((start) => lbfgs(start, { maxIterations: 30 })),
    batched(dimension, density, 3),
  );
  for (const [i, start] of starts.entries()) {
    const alone = await driveAlone(lbfgs(start, { maxIterations: 30 }), evaluator(density));
    expect([...together[i].point.position]).toEqual([...alone.point.position]);
    expect(together[i].iterations).toBe(alone.iterations);
  }
});

describe('products with the Hessian', () => {
  const { density } = correlatedNormal(12, 0.8);
  const at = newPoint(12);
  const product = { at, variances: new Float64Array(12).fill(1), differenceStep: 1e-3 };
  density(at.position, at.gradient);

  it('are those of a Gaussian', async () => {
    const vector = randomNumbers('hessian').normals(12);
    const curved = await driveAlone(curvatureTimes(product, vector), evaluator(density));
    const gradient = new Float64Array(12);
    density(vector, gradient);
    gradient.forEach((value, i) => expect(Math.abs(curved[i] + value)).toBeLessThan(1e-8));
  });

  it('solve for a covariance', async () => {
    const unit = new Float64Array(12);
    unit[3] = 1;
    const options = { tolerance: 1e-10, maxIterations: 50 };
    const { solution, isConverged } = await driveAlone(conjugateGradient(product, unit, options), evaluator(density));
    expect(isConverged).toBe(true);
    solution.forEach((value, i) => expect(Math.abs(value - 0.8 ** Math.abs(i - 3))).toBeLessThan(1e-7));
  });
});
