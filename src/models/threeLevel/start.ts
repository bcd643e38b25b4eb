// Where chains of the three-level model start: around the pilot estimates, as wide as those are uncertain.
import type { StartingPoint } from '../model.js';
import type { PilotEstimates } from './pilot.js';
import type { ThreeLevelContext } from './threeLevel.js';

export function threeLevelStart(context: ThreeLevelContext, pilot: PilotEstimates): Record<string, StartingPoint> {
  const { data, covariance, centring, p, q, r, design } = context;
  const units = data.units.count;
  const markets = data.markets?.names.length ?? 0;
  const spreadSd = (groups: number): number => 1 / Math.sqrt(2 * Math.max(1, groups));
  const constant = (length: number, value: number): Float64Array => new Float64Array(length).fill(value);
  const start: Record<string, StartingPoint> = {
    sigma: { centre: [Math.log(pilot.sigma)], sd: [spreadSd(data.rows)] },
    sigma_u: { centre: pilot.unitSd.map(Math.log), sd: constant(p, spreadSd(units)) },
    beta: levelStart(units, p, centring.unit, pilot.unitCoefficients, pilot.unitCoefficientSd, pilot.unitSd),
  };
  if (covariance.product === 'full') start.cholesky_u = correlations(p, units);
  // Coefficients beyond a unit's constant start at 0: their effects are small beside the constant's.
  const first = (row: number, values: ArrayLike<number>): number => values[row];
  if (design.markets === null) {
    const spread = pilot.unitSd.map((sd) => sd / Math.sqrt(units));
    start.gamma = {
      centre: Float64Array.from({ length: p * q }, (_, i) => (i % q === 0 ? first(i / q, pilot.mean) : 0)),
      sd: Float64Array.from({ length: p * q }, (_, i) => spread[Math.floor(i / q)] / design.units.sds[i % q]),
    };
    return start;
  }
  const marketSds = Float64Array.from(
    { length: p * q },
    (_, i) => pilot.marketSd![Math.floor(i / q)] / design.units.sds[i % q],
  );
  const expand = (values: Float64Array, other: (i: number) => number): Float64Array =>
    Float64Array.from({ length: markets * p * q }, (_, i) => {
      const coefficient = Math.floor(i / q) % p;
      return i % q === 0 ? values[Math.floor(i / (p * q)) * p + coefficient] : other(i % (p * q));
    });
  start.delta = {
    centre: Float64Array.from({ length: p * q * r }, (_, i) =>
      i % (q * r) === 0 ? first(i / (q * r), pilot.mean) : 0,
    ),
    sd: Float64Array.from(
      { length: p * q * r },
      (_, i) =>
        Math.hypot(marketSds[Math.floor(i / r)], pilot.unitSd[Math.floor(i / (q * r))] / Math.sqrt(units / markets)) /
        (Math.sqrt(markets) * design.markets!.sds[i % r]),
    ),
  };
  start.sigma_v = { centre: marketSds.map(Math.log), sd: constant(p * q, Math.max(0.2, spreadSd(markets))) };
  if (covariance.market === 'full') start.cholesky_v = correlations(p * q, markets);
  start.gamma = levelStart(
    markets,
    p * q,
    centring.market,
    expand(pilot.marketMeans!, () => 0),
    expand(pilot.marketMeanSd!, (i) => marketSds[i]),
    marketSds,
  );
  return start;
}

function correlations(k: number, groups: number): StartingPoint {
  const length = (k * (k - 1)) / 2;
  return { centre: new Float64Array(length), sd: new Float64Array(length).fill(Math.min(0.5, 1 / Math.sqrt(groups))) };
}

/** Centred coefficients start at their estimates; standardised deviations at 0, as wide as the data leave them. */
function levelStart(
  groups: number,
  k: number,
  isCentred: readonly boolean[],
  values: Float64Array,
  sds: Float64Array,
  spread: Float64Array,
): StartingPoint {
  const centre = new Float64Array(groups * k);
  const sd = new Float64Array(groups * k);
  for (let i = 0; i < groups * k; i++) {
    const c = i % k;
    centre[i] = isCentred[c] ? values[i] : 0;
    sd[i] = isCentred[c] ? sds[i] : Math.max(0.1, Math.min(1, sds[i] / spread[c]));
  }
  return { centre, sd };
}
