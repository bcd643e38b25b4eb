// Where units are many: a density of the scales that makes no pass over them, learnt around the mode of the exact one.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import { deviatingCount, outerSize } from '../../models/linearHierarchy/links.js';
import { hasFactors } from '../../models/linearHierarchy/structure.js';
import type { StartingPoint } from '../../models/model.js';
import { solve } from '../linearAlgebra.js';
import type { ModelDensity } from '../portableDensity.js';
import type { CoefficientDraws } from './coefficientDraws.js';
import { type Marginal, type ScaleMap, traceMarginal, traceSurrogate } from './marginalDensity.js';
import { findMode, refineMode } from './mode.js';
import { shareOfUnits } from './shareOfUnits.js';
import { foldedScales, signedScales } from './spreads.js';
import { placesOf, termCount, unitDesign, unitPolynomials, type UnitDesign } from './unitPolynomials.js';

/** A surrogate of the density, on one thread; its positions are those of the map. */
export interface Surrogate {
  readonly density: ModelDensity;
  readonly map: ScaleMap;
  readonly design: UnitDesign;
  /** Evaluations of the exact density, of one lane each, that it took. */
  readonly evaluations: number;
}

/** Units from which a pass over them costs so much more than the surrogate that it is worth learning. Own choice, as the others here. */
const fewestUnits = 5000;
/** Scales of units whose polynomials have not too many terms. */
const mostScales = 24;
/** More units than these say no better where to begin. */
const mostOfPilot = 20_000;
/** Standard deviations from the design's centre within which the mode is to be, the ratio of widths that is still alike, and how often that is tried. */
const nearEnough = 1;
const widthsAlike = 1.5;
const mostRounds = 4;
/** Standard deviations that a spread of units keeps from 0: for the polynomials' places to be on its side, or chains too. */
const farFromZero = { folded: 3, signed: 6 } as const;

const scalesOfUnits = ({ term: { levels }, blocks }: Marginal): number =>
  blocks.find(({ name }) => name === levels[0].covariance.sds)!.offset + unitScaleCount(levels[0]);

function unitScaleCount(level: Marginal['term']['levels'][number]): number {
  const size = deviatingCount(level);
  const isCorrelated = !hasFactors(level.covariance) && level.covariance.cholesky !== undefined;
  return isCorrelated ? (size * (size + 1)) / 2 : size;
}

/** Whether a surrogate is worth trying. */
export function suitsSurrogate(marginal: Marginal): boolean {
  const { term, groups, data } = marginal;
  const [units] = term.levels;
  if (groups[0] < fewestUnits || data.crossed !== undefined || hasFactors(units.covariance)) return false;
  const d = scalesOfUnits(marginal);
  const width = outerSize(units);
  const sums = (term.levels[1]?.groups ?? 1) * ((width * (width + 3)) / 2);
  const ofUnits = groups[0] * ((units.size * (units.size + 3)) / 2);
  return d <= mostScales && termCount(d) * sums <= ofUnits;
}

/**
 * The mode of a share of the units says where to begin; then polynomials are made around it, and again around the mode of what they make, until
 * that stays. Undefined where what the units say of their scales has not the form for it. Rejects with the signal's reason when it is aborted.
 * @param coefficients of a program with the density; its map is changed
 */
export async function learnSurrogate(
  marginal: Marginal,
  coefficients: CoefficientDraws,
  chains: number,
  start: Readonly<Record<string, StartingPoint>> | undefined,
  signal?: AbortSignal,
): Promise<Surrogate | undefined> {
  const pilot = shareOfUnits(marginal, mostOfPilot);
  const lanes = 4;
  const pilotDensity = await traceMarginal(pilot).compile(cpuDevice(), lanes);
  let map: ScaleMap;
  try {
    map = await findMode(pilot, start, pilotDensity, signal);
  } finally {
    await pilotDensity.dispose();
  }
  const d = scalesOfUnits(marginal);
  let evaluations = 0;
  for (let round = 0; round < mostRounds; round++) {
    if (isNearZero(marginal, map)) return undefined;
    const design = unitDesign(map, d);
    if (design === undefined) return undefined;
    const surrogate = await surrogateAt(marginal, coefficients, design, map, chains);
    signal?.throwIfAborted();
    evaluations += placesOf(design).length;
    if (surrogate === undefined) return undefined;
    const refined = await refineMode(marginal, map, surrogate, signal);
    const next = unitDesign(refined, d);
    map = refined;
    if (next !== undefined && (isNear(next, design) || round === mostRounds - 1))
      return { density: surrogate, map, design, evaluations };
    await surrogate.dispose();
  }
  return undefined;
}

/** The surrogate of a design, as `learnSurrogate` made it; undefined where the density is not finite at its places. */
export async function surrogateAt(
  marginal: Marginal,
  coefficients: CoefficientDraws,
  design: UnitDesign,
  map: ScaleMap,
  chains: number,
): Promise<ModelDensity | undefined> {
  coefficients.setMap(map);
  const values = coefficients.unitValues(placesOf(design));
  if (!values.every(({ logDensity }) => Number.isFinite(logDensity))) return undefined;
  const traced = traceSurrogate(marginal, unitPolynomials(design, values), coefficients.sumShapes);
  return traced.compile(cpuDevice(), chains);
}

/** Whether a spread of units is too near 0. */
function isNearZero(marginal: Marginal, { centre, map }: ScaleMap): boolean {
  const { dimension } = marginal;
  const least = foldedScales(marginal).length > 0 ? farFromZero.folded : farFromZero.signed;
  return signedScales(marginal).some(
    ({ at, level }) =>
      level === 0 && Math.abs(centre[at]) < least * Math.hypot(...map.subarray(at * dimension, (at + 1) * dimension)),
  );
}

/** Whether a design that was used is about the one that should have been. */
function isNear({ centre, factor }: UnitDesign, used: UnitDesign): boolean {
  const d = centre.length;
  const away = centre.map((value, i) => used.centre[i] - value);
  solve(factor, away);
  let logRatio = 0;
  for (let i = 0; i < d; i++) logRatio += Math.log(used.factor[i * (d + 1)] / factor[i * (d + 1)]) / d;
  return Math.hypot(...away) < nearEnough && Math.abs(logRatio) < Math.log(widthsAlike);
}
