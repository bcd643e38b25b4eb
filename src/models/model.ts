// The one interface every model offers to inference, and `defineModel`, which makes one from a few functions of tensors.
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Coordinates, SiteDescription } from '../data/run/siteDescription.js';
import type { Hierarchy } from './linearHierarchy/structure.js';
import { stridesOf } from '../kernels/program/tensorProgram.js';
import type { Constraint, ParameterSpec } from './parameters.js';
import type { SimulationRandom } from './simulation.js';

export type Tensors = Readonly<Record<string, Tensor>>;

/** An array of the data set, row-major. Integer arrays serve as indices. */
export interface ModelArray {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
  readonly dtype?: 'float32' | 'int32';
}

/** A parameter block with its sizes resolved. */
export interface ModelParameter extends ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Where to start a parameter and how far it is known, on the unconstrained scale, one number per unconstrained element. */
export interface StartingPoint {
  readonly centre: ArrayLike<number>;
  /** Rough posterior standard deviations: width of the jitter, and the metric until it has been learnt. */
  readonly sd: ArrayLike<number>;
}

/** A quantity that is reported: its name, axes and levels. */
export interface Site extends SiteDescription {
  /** Population sites are few and judged strictly; group sites hold one entry per unit, product or market. */
  readonly level: 'population' | 'group';
  /** Of a population site: its elements are shown side by side with their intervals, as groups are. */
  readonly isSideBySide?: boolean;
  /** Elements that are fixed by construction, such as the diagonal of a correlation matrix: left out of summaries. */
  readonly isFixed?: (index: readonly number[]) => boolean;
  /**
   * Given for what is identified up to a rotation of factors, which are its last axis: the site of the loadings by which all draws of all chains are
   * turned alike before they are summarised, and the sites that are judged in its place.
   */
  readonly rotation?: { readonly loadings: string; readonly judgedBy: readonly string[] };
}

/** Whether an element of a site, by its row-major position, is fixed by construction. */
export function isFixedElement({ isFixed, shape }: Site, element: number): boolean {
  if (isFixed === undefined) return false;
  const strides = stridesOf(shape);
  return isFixed(shape.map((extent, axis) => Math.floor(element / strides[axis]) % extent));
}

/** What the report says of a model. */
export interface ModelDescription {
  readonly words: readonly string[];
  readonly formulas: readonly { readonly label: string; readonly formula: string }[];
  readonly priors: readonly { readonly site: string; readonly prior: string; readonly source: 'default' | 'set' }[];
  readonly notes: readonly string[];
  /** What the table of the population's parameters alone would hide: said beneath it. */
  readonly cautions?: readonly string[];
}

/** A Bayesian model bound to its data. All functions take and return tensors and are traced once, never run row by row. */
export interface Model {
  readonly name: string;
  readonly parameters: readonly ModelParameter[];
  readonly data: Readonly<Record<string, ModelArray>>;
  readonly coords: Coordinates;
  /** Log prior density of the constrained parameters; a scalar. Jacobians of the constraints are not its business. */
  logPrior(parameters: Tensors, data: Tensors): Tensor;
  /** Log likelihood of each observation, `[observations]`. */
  logLikelihood(parameters: Tensors, data: Tensors): Tensor;
  /** Sum of `logLikelihood`, where the model knows a shorter way; equal up to rounding. */
  totalLogLikelihood?(parameters: Tensors, data: Tensors): Tensor;
  readonly sites: readonly Site[];
  /** The reported quantities as functions of the constrained parameters, one tensor per site. */
  report(parameters: Tensors, data: Tensors): Tensors;
  /** Expected response of each observation, `[observations]`. */
  predict?(parameters: Tensors, data: Tensors): Tensor;
  readonly replicate?: Replication;
  /** What `replicate` imitates. */
  readonly observed?: { readonly name: string; readonly values: ArrayLike<number> };
  /** Names of the data that have a row for each observation, in their order; where they are known, `predict` and `replicate` serve some of these rows as well. */
  readonly byObservation?: readonly string[];
  readonly start?: Readonly<Record<string, StartingPoint>>;
  /** The same model as a hierarchy, where it is one: Gibbs and marginal NUTS work on those whose response is linear. */
  readonly structure?: Hierarchy;
  readonly description?: ModelDescription;
}

/** How a data set is replicated: from standard normals, or, where the distribution has no inverse in tensor operations, drawn observation by observation. */
export type Replication = NormalReplication | DrawnReplication;

/** One replicated data set, from independent standard normals of the observations' shape. */
export type NormalReplication = (parameters: Tensors, data: Tensors, noise: Tensor) => Tensor;

export interface DrawnReplication {
  /** What the distribution of each observation depends on, `[observations, m]`. */
  readonly dependsOn: (parameters: Tensors, data: Tensors) => Tensor;
  /** One observation, given its m numbers. */
  readonly draw: (given: Float64Array, random: SimulationRandom) => number;
}

/** Numbers, nested lists of numbers, or a typed array. */
export type ArrayInput = number | ArrayLike<number> | readonly (readonly number[])[] | ModelArray;

export interface ModelDefinition<
  Parameters extends Record<string, ParameterSpec>,
  Data extends Record<string, ArrayInput>,
> {
  readonly name: string;
  readonly data: Data;
  /** Levels of the named dimensions. */
  readonly coords?: Coordinates;
  readonly parameters: Parameters;
  readonly logPrior: (parameters: Record<keyof Parameters, Tensor>, data: Record<keyof Data, Tensor>) => Tensor;
  readonly logLikelihood: (parameters: Record<keyof Parameters, Tensor>, data: Record<keyof Data, Tensor>) => Tensor;
  /** Further reported quantities, e.g. the effects behind a non-centred parameter. */
  readonly derived?: {
    readonly sites: Readonly<Record<string, readonly (string | number)[]>>;
    readonly compute: (
      parameters: Record<keyof Parameters, Tensor>,
      data: Record<keyof Data, Tensor>,
    ) => Record<string, Tensor>;
  };
  readonly predict?: (parameters: Record<keyof Parameters, Tensor>, data: Record<keyof Data, Tensor>) => Tensor;
  readonly replicate?: (
    parameters: Record<keyof Parameters, Tensor>,
    data: Record<keyof Data, Tensor>,
    noise: Tensor,
  ) => Tensor;
  /** The entry of `data` that `replicate` imitates; the noise has its shape, flattened. */
  readonly observed?: keyof Data & string;
  /** Where to start parameters, and how wide; by default around 0 on the unconstrained scale. */
  readonly start?: Readonly<Partial<Record<keyof Parameters, StartingPoint>>>;
}

/**
 * A model of your own: declare data, parameters and two functions of tensors.
 * Throws RangeError for a dimension without coordinates, ragged data, and `replicate` without `observed`.
 */
export function defineModel<Parameters extends Record<string, ParameterSpec>, Data extends Record<string, ArrayInput>>(
  definition: ModelDefinition<Parameters, Data>,
): Model {
  const coords = definition.coords ?? {};
  const parameters = Object.entries(definition.parameters).map(([name, spec]): ModelParameter => ({
    ...spec,
    name,
    shape: shapeOf(name, spec.dims, coords),
  }));
  const data = Object.fromEntries(Object.entries(definition.data).map(([name, input]) => [name, toArray(name, input)]));
  const derived = Object.entries(definition.derived?.sites ?? {}).map(([name, dims]) =>
    siteOf(name, dims, shapeOf(name, dims, coords)),
  );
  const sites = [...parameters.map((own) => siteOf(own.name, own.dims, own.shape, own.constraint)), ...derived];
  const observed = definition.observed;
  if (definition.replicate !== undefined && observed === undefined) {
    throw new RangeError(`model ${definition.name}: replicate needs \`observed\`, the data entry that it imitates`);
  }
  const narrow = definition as unknown as ModelDefinition<Record<string, ParameterSpec>, Record<string, ArrayInput>>;
  return {
    name: definition.name,
    parameters,
    data,
    coords: { ...repeatedCoords(sites, coords), ...coords },
    sites,
    logPrior: (p, d) => narrow.logPrior(p, d),
    logLikelihood: (p, d) => narrow.logLikelihood(p, d),
    report: (p, d) => {
      const own = Object.fromEntries(parameters.map(({ name }) => [name, p[name]]));
      return { ...own, ...narrow.derived?.compute(p, d) };
    },
    ...(narrow.predict && { predict: narrow.predict }),
    ...(narrow.replicate && { replicate: narrow.replicate }),
    ...(observed !== undefined && { observed: { name: observed, values: data[observed].values } }),
    ...(definition.start && { start: definition.start as Record<string, StartingPoint> }),
  };
}

function siteOf(
  name: string,
  dims: readonly (string | number)[],
  shape: readonly number[],
  constraint?: Constraint,
): Site {
  return {
    name,
    shape,
    // A dimension that occurs twice, as in a matrix, is called a column the second time: names of axes are distinct.
    dims: dims.map((dim, axis) =>
      typeof dim === 'number' ? `${name}_dim_${axis}` : dims.indexOf(dim) < axis ? `${dim}${columnSuffix}` : dim,
    ),
    level: shape.length > 0 && shape[0] > 50 ? 'group' : 'population',
    ...(constraint?.kind === 'choleskyCorrelation' && { isFixed: isFixedInFactor }),
  };
}

const columnSuffix = '_column';

/** Levels of the dimensions that `siteOf` renamed. */
function repeatedCoords(sites: readonly Site[], coords: Coordinates): Coordinates {
  const repeated = sites.flatMap(({ dims }) => dims.filter((dim) => dim.endsWith(columnSuffix) && !(dim in coords)));
  return Object.fromEntries(repeated.map((dim) => [dim, coords[dim.slice(0, -columnSuffix.length)]]));
}

/** The first element of a Cholesky factor of correlations is 1, those above its diagonal are 0. */
function isFixedInFactor(index: readonly number[]): boolean {
  const [row, column] = index.slice(-2);
  return column > row || (row === 0 && column === 0);
}

function shapeOf(name: string, dims: readonly (string | number)[], coords: Coordinates): number[] {
  return dims.map((dim) => {
    if (typeof dim === 'number') return dim;
    const levels = coords[dim] as readonly string[] | undefined;
    if (levels === undefined) throw new RangeError(`parameter ${name}: dimension '${dim}' has no coordinates`);
    return levels.length;
  });
}

function toArray(name: string, input: ArrayInput): ModelArray {
  if (typeof input === 'number') return { shape: [], values: [input] };
  if ('shape' in input && 'values' in input) return input;
  if (input instanceof Int32Array) return { shape: [input.length], values: input, dtype: 'int32' };
  if (typeof input[0] !== 'object') return { shape: [input.length], values: input as ArrayLike<number> };
  const nested = input as readonly (readonly number[])[];
  const width = nested[0].length;
  if (nested.some((row) => row.length !== width)) throw new RangeError(`data ${name}: rows differ in length`);
  return { shape: [nested.length, width], values: Float64Array.from(nested.flat()) };
}
