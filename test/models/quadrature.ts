// Integrals of densities over the real line, the positive numbers or (0, 1), by the double-exponential rule.

export type Support = 'real' | 'positive' | 'unit';

/**
 * Trapezoidal rule after the substitutions of Takahasi and Mori (1974): doubly exponential decay at both ends, so integrable
 * singularities at 0 and algebraic tails do no harm.
 * @param f density at many points
 */
export function integrate(f: (x: Float64Array) => Float64Array, support: Support = 'real', steps = 4001): number {
  const { points, weights } = rule(support, steps);
  return f(points).reduce((sum, value, i) => sum + (weights[i] === 0 || value === 0 ? 0 : value * weights[i]), 0);
}

/** Points and weights of the rule; points that round onto the boundary are left out. */
export function rule(support: Support, steps: number, reach = 5.5): { points: Float64Array; weights: Float64Array } {
  const h = (2 * reach) / (steps - 1);
  const [points, weights]: [number[], number[]] = [[], []];
  for (let i = 0; i < steps; i++) {
    const t = -reach + i * h;
    const s = (Math.PI / 2) * Math.sinh(t);
    const ds = (Math.PI / 2) * Math.cosh(t);
    const [x, dx] =
      support === 'real'
        ? [Math.sinh(s), Math.cosh(s) * ds]
        : support === 'positive'
          ? [Math.exp(s), Math.exp(s) * ds]
          : [1 / (1 + Math.exp(-2 * s)), (2 * ds) / ((1 + Math.exp(-2 * s)) * (1 + Math.exp(2 * s)))];
    if (!Number.isFinite(x) || !Number.isFinite(dx) || (support === 'unit' && (x === 0 || x === 1))) continue;
    points.push(x);
    weights.push(dx * h);
  }
  return { points: Float64Array.from(points), weights: Float64Array.from(weights) };
}
