// Small generated linear hierarchies of any shape.
import { outerSize } from '../../src/models/linearHierarchy/links.js';
import {
  type Category,
  type FixedPrior,
  hasFactors,
  type HierarchyLevel,
  type Horseshoe,
  type LevelCovariance,
  type LinearHierarchy,
  type NestedTerm,
  type Pooling,
  type PriorSpec,
} from '../../src/models/linearHierarchy/structure.js';
import type { CovariancePrior } from '../../src/models/covariancePriors.js';
import { type RandomNumbers, randomNumbers } from './random.js';

export interface LevelShape {
  readonly groups: number;
  /** Covariates of the level's means besides the constant. */
  readonly covariates?: number;
  readonly full?: boolean;
  /** See `HierarchyLevel`. */
  readonly deviating?: readonly number[];
  readonly regressions?: readonly (readonly number[])[];
  /** Common factors of the coefficients. */
  readonly factors?: number;
  /** λ of every coefficient, or of each in turn; default 0. */
  readonly centring?: number | readonly number[];
}

export interface TermShape {
  /** Columns besides the constant. */
  readonly slopes?: number;
  /** From the innermost outwards. */
  readonly levels: readonly LevelShape[];
  /** Rows of innermost group g; default 1 to 5. Not for a term that crosses. */
  readonly rowsOf?: (group: number) => number;
  /** The last column is 0 in these groups. */
  readonly isEmpty?: (group: number) => boolean;
  /** What shrinks all of the population but its first coefficient. */
  readonly horseshoe?: HorseshoeShape;
}

export type HorseshoeShape = 'plain' | 'slab' | 'relative slab';

/** Consumers in markets: effects of the last column are the markets' own, a covariate explains the second's, its coefficients being everybody's. */
export const partialTerm: TermShape = {
  slopes: 2,
  levels: [
    { groups: 14, covariates: 1, deviating: [0, 1], regressions: [[0], [0, 1], [0]], centring: [0.4, 1] },
    { groups: 5, deviating: [0, 1, 3], centring: 0.6 },
  ],
};

/** The same with correlations, and the groups of the innermost level given twice, each with deviations of others of their coefficients. */
export const stackedTerm: TermShape = {
  slopes: 2,
  levels: [
    { groups: 12, deviating: [1] },
    { groups: 12, covariates: 2, deviating: [0, 2], regressions: [[0, 2], [0], [0, 1, 2]], full: true },
    { groups: 4, covariates: 1, deviating: [0, 2, 4], regressions: [[0], [0], [0, 1], [0], [0], [0]], full: true },
  ],
};

export interface HierarchyShape {
  /** The first has its rows in order; others cross it. */
  readonly terms: readonly TermShape[];
  readonly fixed?: {
    readonly dense?: number;
    /** Levels of each category. */
    readonly categories?: readonly number[];
    readonly multiplier?: boolean;
    /** What shrinks all coefficients but the first. */
    readonly horseshoe?: HorseshoeShape;
    /** The coefficients of each category have a spread of their own. */
    readonly pooled?: boolean;
  };
  readonly df?: number;
  readonly seed?: string;
  /** Scale of y; default 1. */
  readonly scale?: number;
}

export function hierarchyExample(shape: HierarchyShape): LinearHierarchy {
  const random = randomNumbers(shape.seed ?? 'hierarchy');
  const [first] = shape.terms;
  const sizes = Array.from(
    { length: first.levels[0].groups },
    (_, g) => first.rowsOf?.(g) ?? 1 + Math.floor(5 * random.uniform()),
  );
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const firstOfRow = Int32Array.from(sizes.flatMap((size, g) => Array<number>(size).fill(g)));
  const terms = shape.terms.map((term, t) => {
    const groups = term.levels[0].groups;
    const groupOfRow = t === 0 ? firstOfRow : Int32Array.from(firstOfRow, () => Math.floor(groups * random.uniform()));
    return nestedTerm(term, t, groupOfRow, random);
  });
  const { fixed } = shape;
  const categories = (fixed?.categories ?? []).map((levels): Category => ({
    levels,
    levelOfRow: Int32Array.from({ length: rows }, () => Math.floor(levels * random.uniform())),
    multiplier: fixed?.multiplier ? random.normals(rows) : undefined,
  }));
  const free = (fixed?.dense ?? 0) + categories.reduce((sum, { levels }) => sum + levels - 1, 0);
  const prior: FixedPrior = {
    kind: 'normal',
    sds: Array.from({ length: free }, () => 0.5 + random.uniform()),
    ...horseshoeOf(fixed?.horseshoe, free, 'theta'),
    ...(fixed?.pooled && { pooling: poolingOf(fixed.dense ?? 0, categories) }),
  };
  return {
    rows,
    y: random.normals(rows, 2 * (shape.scale ?? 1)).map((e) => 3 + e),
    terms,
    fixed: fixed && {
      name: 'theta',
      dense: Array.from({ length: fixed.dense ?? 0 }, () => random.normals(rows)),
      categories,
      prior,
    },
    errors: {
      sigma: 'sigma',
      prior: { family: 'halfNormal', parameters: [2] },
      ...(shape.df !== undefined && { df: shape.df }),
    },
  };
}

function horseshoeOf(shape: HorseshoeShape | undefined, count: number, name: string): { horseshoe?: Horseshoe } {
  if (shape === undefined) return {};
  const places = Array.from({ length: count - 1 }, (_, i) => i + 1);
  return {
    horseshoe: {
      places,
      ...(shape === 'relative slab' && { errorSds: places.map((i) => 0.2 + 0.1 * i) }),
      local: `lambda_${name}`,
      global: `tau_${name}`,
      globalScale: 0.3,
      ...(shape === 'relative slab' && { isRelative: true }),
      ...(shape !== 'plain' && { slab: { name: `slab_${name}`, scale: 1.5, df: 5 } }),
    },
  };
}

function poolingOf(dense: number, categories: readonly Category[]): Pooling {
  const sets = categories.flatMap(({ levels }, c) => new Array<number>(levels - 1).fill(c));
  return {
    places: sets.map((_, i) => dense + i),
    sets,
    sds: 'spreads',
    priors: categories.map((_, c): PriorSpec =>
      c % 2 === 0 ? { family: 'halfStudentT', parameters: [4, 0.7] } : { family: 'halfNormal', parameters: [0.9] },
    ),
    errorSds: sets.map((_, i) => 0.3 + 0.1 * i),
  };
}

function nestedTerm(shape: TermShape, t: number, groupOfRow: Int32Array, random: RandomNumbers): NestedTerm {
  const rows = groupOfRow.length;
  const columns: Float64Array[] = [new Float64Array(rows).fill(1)];
  for (let k = 0; k < (shape.slopes ?? 0); k++) columns.push(random.normals(rows));
  const last = columns[columns.length - 1];
  for (let row = 0; row < rows; row++) if (shape.isEmpty?.(groupOfRow[row])) last[row] = 0;
  const levels: HierarchyLevel[] = [];
  let size = columns.length;
  for (const [l, own] of shape.levels.entries()) {
    const { groups, covariates = 0, full, factors, centring = 0, deviating, regressions } = own;
    const q = covariates + 1;
    const count = deviating?.length ?? size;
    const outer = shape.levels[l + 1]?.groups;
    levels.push({
      groups,
      size,
      parent:
        outer === undefined ? null : Int32Array.from({ length: groups }, (_, g) => Math.floor((g * outer) / groups)),
      covariates: Float64Array.from({ length: groups * q }, (_, i) => (i % q === 0 ? 1 : random.normal())),
      covariateCount: q,
      covariance:
        factors === undefined
          ? {
              sds: `sds_${t}_${l}`,
              cholesky: full && count > 1 ? `cholesky_${t}_${l}` : undefined,
              prior: { kind: 'separate', sd: { family: 'halfNormal', parameters: [1.5] }, eta: 1 },
            }
          : {
              sds: `sds_${t}_${l}`,
              loadings: `loadings_${t}_${l}`,
              factors,
              prior: {
                loadingSds: Array.from({ length: count }, (_, i) => 0.8 + 0.1 * i),
                sd: { family: 'halfNormal', parameters: [1.5] },
              },
            },
      coefficients: `coefficients_${t}_${l}`,
      ...(deviating && { deviating }),
      ...(regressions && { regressions }),
      centring: Array.from({ length: count }, (_, i) =>
        typeof centring === 'number' ? centring : centring[i % centring.length],
      ),
    });
    size = outerSize(levels[l]);
  }
  const rowOrder = Int32Array.from({ length: rows }, (_, i) => i).sort(
    (a, b) => groupOfRow[a] - groupOfRow[b] || a - b,
  );
  const rowStart = new Int32Array(shape.levels[0].groups + 1);
  for (const group of groupOfRow) rowStart[group + 1]++;
  for (let g = 1; g < rowStart.length; g++) rowStart[g] += rowStart[g - 1];
  return {
    columns,
    rowStart,
    ...(t > 0 && { rowOrder }),
    levels,
    population: {
      name: `population_${t}`,
      prior: {
        kind: 'normal',
        means: Array.from({ length: size }, (_, i) => 0.1 * i),
        sds: Array.from({ length: size }, (_, i) => 2 + 0.1 * i),
        ...horseshoeOf(shape.horseshoe, size, String(t)),
      },
    },
  };
}

/** A covariance with another prior; that of factors as it is. */
export function withPrior(covariance: LevelCovariance, prior: CovariancePrior): LevelCovariance {
  return hasFactors(covariance) ? covariance : { ...covariance, prior };
}
