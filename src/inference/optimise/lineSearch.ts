// Line search for an ascent direction: a step that meets the strong Wolfe conditions, or their approximate form near rounding.
import { type Evaluating, newPoint, type Point } from './evaluating.js';
import { dot } from './vectors.js';

/** Share of the gain that the slope promises which a step must bring, and share of the slope that may be left. */
const LEAST_GAIN = 1e-4;
const MOST_SLOPE = 0.9;
const MOST_TRIALS = 25;
/** How far a step is lengthened at most while the function still rises. */
const MOST_GROWTH = 4;

export interface LineSearchResult {
  readonly step: number;
  readonly point: Point;
  /** Points evaluated. */
  readonly evaluations: number;
}

/** A place on the line: step length, value, and slope along the direction. */
interface Place {
  readonly step: number;
  readonly value: number;
  readonly slope: number;
}

/**
 * A point on `from + step · direction` with value ≥ f₀ + 10⁻⁴ · step · slope₀ and |slope| ≤ 0.9 · slope₀ (Nocedal and Wright 2006, §3.5);
 * where values differ by rounding only, slopes alone decide (Hager and Zhang 2005, equation 4.1). The bracket's lower end always
 * rises and is high enough, its upper end does not, so such a point lies between; trials are put there by cubic interpolation. Points that cannot be
 * evaluated count as falling. Returns the best rising point when trials run out, undefined when there is none.
 * @param noise rounding error of a value, absolute
 */
export function* lineSearch(
  from: Point,
  direction: Float64Array,
  firstStep: number,
  noise: number,
): Evaluating<LineSearchResult | undefined> {
  const slope = dot(from.gradient, direction);
  let low: Place = { step: 0, value: from.value, slope };
  let high: Place | undefined;
  let best: Point | undefined;
  let step = firstStep;
  for (let trial = 1; trial <= MOST_TRIALS; trial++) {
    const point = newPoint(direction.length);
    for (let i = 0; i < direction.length; i++) point.position[i] = from.position[i] + step * direction[i];
    yield [point];
    const place: Place = { step, value: point.value, slope: dot(point.gradient, direction) };
    const isValid = Number.isFinite(place.value) && Number.isFinite(place.slope);
    const isHighEnough = isValid && place.value >= from.value + LEAST_GAIN * step * slope;
    const isLevel = isValid && place.value >= from.value - noise;
    const isWolfe = isHighEnough && Math.abs(place.slope) <= MOST_SLOPE * slope;
    const isApproximateWolfe =
      isLevel && place.slope <= MOST_SLOPE * slope && place.slope >= (2 * LEAST_GAIN - 1) * slope;
    if (isWolfe || (isApproximateWolfe && Math.abs(place.value - from.value) <= noise)) {
      return { step, point, evaluations: trial };
    }
    if ((isHighEnough || isLevel) && place.slope > 0) {
      low = place;
      best = point;
    } else {
      high = place;
      if (isHighEnough) best = point;
    }
    step = high === undefined ? beyond(low, firstStep) : between(low, high);
    if (high !== undefined && high.step - low.step <= 1e-14 * high.step) break;
  }
  return best && { step: low.step, point: best, evaluations: MOST_TRIALS };
}

/** A longer step. */
function beyond(low: Place, firstStep: number): number {
  return MOST_GROWTH * Math.max(low.step, firstStep / MOST_GROWTH);
}

/** Inside the bracket: the maximum of the cubic through values and slopes of its ends, not too near to either. */
function between(low: Place, high: Place): number {
  const width = high.step - low.step;
  if (!Number.isFinite(high.value) || !Number.isFinite(high.slope)) return low.step + 0.1 * width;
  const secant = (high.value - low.value) / width;
  const middle = low.slope + high.slope - 3 * secant;
  const root = Math.sqrt(Math.max(0, middle * middle - low.slope * high.slope));
  const share = 1 - (root - high.slope - middle) / (low.slope - high.slope + 2 * root);
  const inside = Number.isFinite(share) ? share : 0.5;
  return low.step + Math.min(0.9, Math.max(0.1, inside)) * width;
}
