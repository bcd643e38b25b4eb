// Complex fast Fourier transform of power-of-two size: decimation in time, twiddles and bit order computed once per size.

/** Tables for one size. Input goes to position `bitReversed[i]`; the transform then runs in place on the plan's buffers. */
export interface FourierPlan {
  readonly size: number;
  readonly bitReversed: Uint32Array;
  /** Cosines and sines of the stages of span 8, 16, … size, one stage after the other (span / 2 entries each). */
  readonly cosines: Float64Array;
  readonly sines: Float64Array;
  /** Scratch of the plan: fill in bit-reversed order, transform, read in natural order. */
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

const plans = new Map<number, FourierPlan>();

/** The plan for the smallest power of two ≥ `minimum` (at least 4). Plans are shared: use one to the end before the next. */
export function fourierPlan(minimum: number): FourierPlan {
  let size = 4;
  while (size < minimum) size *= 2;
  const known = plans.get(size);
  if (known) return known;
  const plan = makePlan(size);
  plans.set(size, plan);
  return plan;
}

function makePlan(size: number): FourierPlan {
  const bits = Math.log2(size);
  const bitReversed = new Uint32Array(size);
  for (let i = 1; i < size; i++) bitReversed[i] = (bitReversed[i >> 1] >> 1) | ((i & 1) << (bits - 1));
  const cosines = new Float64Array(Math.max(0, size - 4));
  const sines = new Float64Array(Math.max(0, size - 4));
  for (let span = 8, offset = 0; span <= size; offset += span / 2, span *= 2) {
    for (let j = 0; j < span / 2; j++) {
      cosines[offset + j] = Math.cos((2 * Math.PI * j) / span);
      sines[offset + j] = -Math.sin((2 * Math.PI * j) / span);
    }
  }
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  return { size, bitReversed, cosines, sines, real, imaginary };
}

/** Transforms the plan's buffers in place: X[k] = Σ_j x[j] exp(−2πi jk / size), x given in bit-reversed order. */
export function transform(plan: FourierPlan): void {
  const { size, real: re, imaginary: im } = plan;
  // The first two stages together: their twiddles are 1 and −i.
  for (let i = 0; i < size; i += 4) {
    const sumRe = re[i] + re[i + 1];
    const sumIm = im[i] + im[i + 1];
    const differenceRe = re[i] - re[i + 1];
    const differenceIm = im[i] - im[i + 1];
    const upperSumRe = re[i + 2] + re[i + 3];
    const upperSumIm = im[i + 2] + im[i + 3];
    const upperDifferenceRe = re[i + 2] - re[i + 3];
    const upperDifferenceIm = im[i + 2] - im[i + 3];
    re[i] = sumRe + upperSumRe;
    im[i] = sumIm + upperSumIm;
    re[i + 2] = sumRe - upperSumRe;
    im[i + 2] = sumIm - upperSumIm;
    re[i + 1] = differenceRe + upperDifferenceIm;
    im[i + 1] = differenceIm - upperDifferenceRe;
    re[i + 3] = differenceRe - upperDifferenceIm;
    im[i + 3] = differenceIm + upperDifferenceRe;
  }
  let span = 8;
  for (; 2 * span <= size; span *= 4) doubleStage(plan, span);
  if (span <= size) singleStage(plan, span);
}

/** Where the twiddles of a stage begin in the plan's tables: 4 + 8 + … entries belong to the spans before it. */
function stageOffset(span: number): number {
  return span / 2 - 4;
}

/** One stage: butterflies between elements half a span apart. */
function singleStage(plan: FourierPlan, span: number): void {
  const { size, cosines, sines, real: re, imaginary: im } = plan;
  const half = span / 2;
  const offset = stageOffset(span);
  for (let block = 0; block < size; block += span) {
    for (let j = 0; j < half; j++) {
      const low = block + j;
      const high = low + half;
      const c = cosines[offset + j];
      const s = sines[offset + j];
      const rotatedRe = re[high] * c - im[high] * s;
      const rotatedIm = re[high] * s + im[high] * c;
      re[high] = re[low] - rotatedRe;
      im[high] = im[low] - rotatedIm;
      re[low] += rotatedRe;
      im[low] += rotatedIm;
    }
  }
}

/** The stages of `span` and 2 · `span` in one pass over memory: four elements a quarter of the longer span apart. */
function doubleStage(plan: FourierPlan, span: number): void {
  const { size, cosines, sines, real: re, imaginary: im } = plan;
  const quarter = span / 2;
  const inner = stageOffset(span);
  const outer = stageOffset(2 * span);
  for (let block = 0; block < size; block += 2 * span) {
    for (let j = 0; j < quarter; j++) {
      const i0 = block + j;
      const i1 = i0 + quarter;
      const i2 = i1 + quarter;
      const i3 = i2 + quarter;
      const innerC = cosines[inner + j];
      const innerS = sines[inner + j];
      const outerC = cosines[outer + j];
      const outerS = sines[outer + j];
      const re1 = re[i1] * innerC - im[i1] * innerS;
      const im1 = re[i1] * innerS + im[i1] * innerC;
      const re3 = re[i3] * innerC - im[i3] * innerS;
      const im3 = re[i3] * innerS + im[i3] * innerC;
      const sumRe = re[i2] + re3;
      const sumIm = im[i2] + im3;
      const differenceRe = re[i2] - re3;
      const differenceIm = im[i2] - im3;
      const re2 = sumRe * outerC - sumIm * outerS;
      const im2 = sumRe * outerS + sumIm * outerC;
      // The twiddle a quarter turn further is −i times the outer one.
      const turnedRe = differenceRe * outerS + differenceIm * outerC;
      const turnedIm = differenceIm * outerS - differenceRe * outerC;
      const lowRe = re[i0] + re1;
      const lowIm = im[i0] + im1;
      const highRe = re[i0] - re1;
      const highIm = im[i0] - im1;
      re[i0] = lowRe + re2;
      im[i0] = lowIm + im2;
      re[i1] = highRe + turnedRe;
      im[i1] = highIm + turnedIm;
      re[i2] = lowRe - re2;
      im[i2] = lowIm - im2;
      re[i3] = highRe - turnedRe;
      im[i3] = highIm - turnedIm;
    }
  }
}
