// What the units say of all that is above them, as polynomials in the units' own scales: known at a few places, wanted at many.
import type { DataArray } from '../../kernels/compiler/memoryLayout.js';
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import type { NodeId } from '../../kernels/program/tensorProgram.js';
import { cholesky, invertLower } from '../linearAlgebra.js';
import { lowerTriangle } from './columns.js';
import type { UnitSums } from './upward.js';

/** The units' sums (`UnitSums`) at one place, as numbers. */
export interface UnitValues {
  /** `[part][group][column]` */
  readonly sums: readonly Float64Array[];
  readonly rest: number;
}

/** Where the polynomials are made: x = K⁻¹ (θ − centre) is about a standard normal under the posterior. */
export interface UnitDesign {
  /** Of the first scales, σ and those of the units, `[d]`. */
  readonly centre: Float64Array;
  /** K, `[d][d]`, lower triangular. */
  readonly factor: Float64Array;
}

/** Polynomials of the second degree in x: coefficients of 1, x_i, and x_i x_j, j ≤ i. */
export interface UnitPolynomials {
  readonly design: UnitDesign;
  /** By part of the sums `[term][group][column]`. */
  readonly sums: readonly Float64Array[];
  /** `[term]` */
  readonly rest: Float64Array;
}

/**
 * Distance of the places from the centre: with √3 the slope of an odd third-degree term along an axis is that of its least-squares
 * line under a standard normal (the nodes of Gauss and Hermite's rule).
 */
const reach = Math.sqrt(3);

/** Terms of a polynomial of d variables. */
export const termCount = (d: number): number => 1 + (d * (d + 3)) / 2;

/** The design for scales whose posterior has this mean and, in the map's rows, this factor of its covariance, `[dimension][dimension]`. */
export function unitDesign(
  { centre, map }: { readonly centre: Float64Array; readonly map: Float64Array },
  d: number,
): UnitDesign | undefined {
  const dimension = centre.length;
  const covariance = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let j = 0; j < d; j++)
      for (let m = 0; m < dimension; m++) covariance[i * d + j] += map[i * dimension + m] * map[j * dimension + m];
  const factor = cholesky(covariance, d);
  return factor && { centre: centre.slice(0, d), factor };
}

/** The 1 + d + d² places θ, `[d]` each: the centre, both sides of it on every axis, and on the diagonal of every two. */
export function placesOf({ centre, factor }: UnitDesign): Float64Array[] {
  const d = centre.length;
  const at = (...axes: readonly [axis: number, x: number][]): Float64Array =>
    centre.map((value, i) => axes.reduce((sum, [axis, x]) => sum + factor[i * d + axis] * x, value));
  const axes = Array.from({ length: d }, (_, i) => [at([i, reach]), at([i, -reach])]);
  const pairs = pairsOf(d).map(([i, j]) => [at([i, reach], [j, reach]), at([i, -reach], [j, -reach])]);
  return [at(), ...axes.flat(), ...pairs.flat()];
}

const pairsOf = (d: number): [number, number][] => lowerTriangle(d).filter(([i, j]) => i !== j);

/** Polynomials from the values at `placesOf`. */
export function unitPolynomials(design: UnitDesign, values: readonly UnitValues[]): UnitPolynomials {
  const d = design.centre.length;
  const [{ sums }] = values;
  return {
    design,
    sums: sums.map((_, part) => polynomials(d, (place) => values[place].sums[part])),
    rest: polynomials(d, (place) => Float64Array.of(values[place].rest)),
  };
}

/** `[term][number]` from the numbers at each place. */
function polynomials(d: number, at: (place: number) => Float64Array): Float64Array {
  const middle = at(0);
  const { length } = middle;
  const result = new Float64Array(termCount(d) * length);
  const term = (t: number): Float64Array => result.subarray(t * length, (t + 1) * length);
  const square = (i: number): number => 1 + d + (i * (i + 3)) / 2;
  term(0).set(middle);
  for (let i = 0; i < d; i++) {
    const [up, down, slope, bend] = [at(1 + 2 * i), at(2 + 2 * i), term(1 + i), term(square(i))];
    for (let n = 0; n < length; n++) {
      slope[n] = (up[n] - down[n]) / (2 * reach);
      bend[n] = (up[n] - middle[n] + (down[n] - middle[n])) / (2 * reach * reach);
    }
  }
  for (const [pair, [i, j]] of pairsOf(d).entries()) {
    const first = 1 + 2 * d + 2 * pair;
    const [up, down] = [at(first), at(first + 1)];
    const product = term(1 + d + (i * (i + 1)) / 2 + j);
    const [own, other] = [term(square(i)), term(square(j))];
    for (let n = 0; n < length; n++)
      product[n] = (up[n] - middle[n] + (down[n] - middle[n])) / (2 * reach * reach) - own[n] - other[n];
  }
  return result;
}

const partName = (part: number): string => `polynomials ${part}`;
const restName = 'polynomials of the rest';

/** Arrays of the program that evaluates the polynomials. @param shapes of the parts of the sums, as in `UnitSums` */
export function polynomialArrays(
  { sums, rest }: UnitPolynomials,
  shapes: readonly (readonly number[])[],
): Map<string, DataArray> {
  const terms = rest.length;
  return new Map([
    ...sums.map((values, part): [string, DataArray] => [partName(part), { shape: [terms, ...shapes[part]], values }]),
    [restName, { shape: [terms], values: rest }],
  ]);
}

/**
 * The units' sums as the polynomials have them.
 * @param theta all scales
 * @param folded places of scales whose signs mean nothing: they are taken on the side of the centre
 */
export function polynomialNodes(
  builder: ProgramBuilder,
  theta: NodeId,
  { design, rest }: UnitPolynomials,
  shapes: readonly (readonly number[])[],
  folded: readonly number[],
): UnitSums {
  const { centre } = design;
  const d = centre.length;
  const terms = rest.length;
  const own = Array.from(centre, (value, i) => {
    const scale = builder.slice(theta, [i], [1]);
    if (!folded.includes(i)) return scale;
    return builder.mul(builder.unary('abs', scale), builder.scalar(value < 0 ? -1 : 1));
  });
  const away = builder.sub(builder.concat(own, 0), builder.constant(centre, [d]));
  const inverse = builder.constant(invertLower(design.factor, d), [d, d]);
  const x = builder.sum(builder.mul(inverse, builder.reshape(away, [1, d])), [1]);
  const withOne = builder.concat([builder.constant(Float64Array.of(1), [1]), x], 0);
  const places = [
    [0, 0],
    ...Array.from({ length: d }, (_, i) => [i + 1, 0]),
    ...lowerTriangle(d).map((ij) => ij.map((i) => i + 1)),
  ];
  const side = (of: 0 | 1): NodeId =>
    builder.gather(
      withOne,
      builder.constant(
        Float64Array.from(places, (pair) => pair[of]),
        [terms],
      ),
    );
  const basis = builder.mul(side(0), side(1));
  const evaluated = (name: string, shape: readonly number[]): NodeId => {
    const along = builder.reshape(basis, [terms, ...shape.map(() => 1)]);
    return builder.sum(builder.mul(builder.data(name, [terms, ...shape]), along), [0]);
  };
  return { sums: shapes.map((shape, part) => evaluated(partName(part), shape)), rest: evaluated(restName, []) };
}
