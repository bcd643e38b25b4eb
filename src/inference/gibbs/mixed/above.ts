// The levels above the innermost and the population as one draw given its coefficients, where some of them follow from these exactly.
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../../../kernels/trace/trace.js';
import { columnsAt, columnsTo } from '../../../models/linearHierarchy/levelTensors.js';
import { deviatingOf, outerPlaces } from '../../../models/linearHierarchy/links.js';
import { type HierarchyLevel, isDiagonal, type NestedTerm } from '../../../models/linearHierarchy/structure.js';
import {
  diagonalMatrix,
  drawDeviations,
  drawPopulation,
  type Information,
  integrate,
  levelMeans,
  type LevelLinks,
  prepare,
  toLevelAbove,
} from '../levels.js';
import { names } from '../termProgram.js';

/** Coefficients of a level that deviate: those that are drawn, and those that the level below says exactly, since it does not deviate from them. */
interface LevelPlan {
  readonly drawn: readonly number[];
  readonly held: readonly number[];
}

export interface AbovePlan {
  /** Of the innermost all are held. */
  readonly levels: readonly LevelPlan[];
  /** Coefficients of the population that are held. */
  readonly population: readonly number[];
}

/**
 * What can be drawn given the innermost coefficients. Undefined where coefficients that do not deviate are more than their means' constants, or are
 * correlated with others that are drawn: levels are then moved one by one.
 */
export function planAbove({ levels }: NestedTerm): AbovePlan | undefined {
  let exact = new Set(Array.from({ length: levels[0].size }, (_, i) => i));
  const plans: LevelPlan[] = [];
  for (const level of levels) {
    const deviating = deviatingOf(level);
    const drawn = deviating.filter((i) => !exact.has(i));
    const held = deviating.filter((i) => exact.has(i));
    if (drawn.length > 0 && held.length > 0 && !isDiagonal(level.covariance)) return undefined;
    plans.push({ drawn, held });
    const places = outerPlaces(level);
    const above = new Set<number>();
    for (const i of exact) {
      if (deviating.includes(i)) continue;
      const own = [...places.keys()].filter((a) => places[a].coefficient === i);
      if (own.length > 1 || !isConstant(level, places[own[0]].covariate)) return undefined;
      above.add(own[0]);
    }
    exact = above;
  }
  return { levels: plans, population: [...exact].sort((a, b) => a - b) };
}

function isConstant({ covariates, covariateCount: q, groups }: HierarchyLevel, covariate: number): boolean {
  for (let g = 0; g < groups; g++) if (covariates[g * q + covariate] !== 1) return false;
  return true;
}

/**
 * Draws by blocks `noise l` of those that are drawn, `scale l` and `precision l` (of those that are held), and what `drawPopulation` takes.
 * @param coefficients of all levels, the innermost new, the others as they were; @param population as it was
 */
export function drawAbove(
  term: NestedTerm,
  plan: AbovePlan,
  links: readonly LevelLinks[],
  coefficients: readonly tf.Tensor[],
  population: tf.Tensor,
  p: NamedTensors,
): { readonly coefficients: readonly tf.Tensor[]; readonly population: tf.Tensor } {
  let information: Information | undefined;
  const prepared = links.map((link, l) => {
    const level = term.levels[l];
    const { drawn, held } = plan.levels[l];
    const scale = drawn.length > 0 ? scaleOf(level, drawn, p[names.scale(l)]) : undefined;
    const own = scale && prepare(information!, scale, drawn.length < level.size ? drawn : undefined);
    const below = own === undefined ? information : integrate(information!, own);
    const exact = held.length > 0 ? informationOf(level, held, coefficients[l], p[names.precision(l)]) : undefined;
    information = toLevelAbove(link, sumOf(below, exact));
    return own && { own, scale };
  });
  const drawnPopulation = withHeld(plan.population, population, drawPopulation(information!, p));
  const all = [...coefficients];
  let above = drawnPopulation;
  for (let l = links.length - 1; l > 0; l--) {
    const { drawn, held } = plan.levels[l];
    const { size, groups } = term.levels[l];
    const found = levelMeans(links[l], above);
    const means = found.rank === 2 ? found : tf.tile(found.expandDims(0), [groups, 1]);
    const step = prepared[l];
    const deviations = step && drawDeviations(step.own, step.scale, means, p[names.noise(l)]);
    const free =
      deviations === undefined
        ? means
        : means.add(drawn.length < size ? columnsTo(deviations, drawn, size) : deviations);
    all[l] = above = withHeld(held, coefficients[l], free);
  }
  return { coefficients: all, population: drawnPopulation };
}

/** C of those of a level's deviating coefficients that are drawn. */
function scaleOf(level: HierarchyLevel, drawn: readonly number[], scale: tf.Tensor): tf.Tensor {
  const deviating = deviatingOf(level);
  return drawn.length === deviating.length
    ? scale
    : columnsAt(
        scale,
        drawn.map((i) => deviating.indexOf(i)),
      );
}

/** What coefficients that are held say of their means: Σ⁻¹, and Σ⁻¹b. */
function informationOf(
  level: HierarchyLevel,
  held: readonly number[],
  coefficients: tf.Tensor,
  precision: tf.Tensor,
): Information {
  const { size, groups } = level;
  const deviating = deviatingOf(level);
  const isAll = held.length === size;
  const of =
    precision.rank === 1
      ? columnsAt(
          precision,
          held.map((i) => deviating.indexOf(i)),
        )
      : precision;
  const own = isAll ? coefficients : columnsAt(coefficients, held);
  const shift = of.rank === 1 ? own.mul(of) : tf.matMul(own, of);
  const matrix = of.rank === 1 ? diagonalMatrix(of) : of;
  const wide = isAll ? matrix : columnsTo(columnsTo(matrix, held, size).transpose(), held, size);
  return {
    precision: tf.tile(wide.expandDims(0), [groups, 1, 1]),
    shift: isAll ? shift : columnsTo(shift, held, size),
  };
}

function sumOf(a: Information | undefined, b: Information | undefined): Information {
  if (a === undefined || b === undefined) return (a ?? b)!;
  return { precision: a.precision.add(b.precision), shift: a.shift.add(b.shift) };
}

/** Columns, or elements, of one at places, and of another elsewhere. */
function withHeld(places: readonly number[], held: tf.Tensor, others: tf.Tensor): tf.Tensor {
  if (places.length === 0) return others;
  const size = others.shape[others.rank - 1];
  return tf.concat(
    Array.from({ length: size }, (_, i) => columnsAt(places.includes(i) ? held : others, [i])),
    others.rank - 1,
  );
}
