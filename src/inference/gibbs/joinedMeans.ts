// The fixed block drawn together with the means that whole columns of terms share: given the deviations from means, both are coefficients of rows.
import { hasConstants, populationPlaces } from '../../models/linearHierarchy/links.js';
import type { FixedBlock, LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import type { ChainValues } from './chainValues.js';
import type { FixedNormalEquations } from './fixedBlock.js';
import { moveColumn } from './sharedColumns.js';

/** A mean of the population by which all coefficients of a term's column move. */
interface JoinedMean {
  readonly term: number;
  readonly column: number;
  readonly priorMean: number;
  readonly priorSd: number;
}

/**
 * Categories that are rare, or that go with a term's columns, leave means and effects far less certain than either given the other, so one after
 * the other mixes slowly. The joined block has the columns of terms after the dense ones; its coefficients there are means less their prior means.
 */
export class JoinedMeans {
  readonly block: FixedBlock;

  private constructor(
    private readonly structure: LinearHierarchy,
    private readonly means: readonly JoinedMean[],
  ) {
    const { dense, prior } = structure.fixed!;
    this.block = {
      ...structure.fixed!,
      dense: [...dense, ...means.map(({ term, column }) => structure.terms[term].columns[column])],
      prior: {
        ...prior,
        sds: this.insert(
          prior.sds,
          means.map(({ priorSd }) => priorSd),
        ),
        ...(prior.pooling && {
          pooling: {
            ...prior.pooling,
            places: prior.pooling.places.map((i) => (i < dense.length ? i : i + means.length)),
          },
        }),
      },
    };
  }

  /** Of terms whose population has normal priors; horseshoes and weights of rows take the fixed block alone. */
  static create(structure: LinearHierarchy): JoinedMeans {
    const { terms, fixed, errors } = structure;
    const isPlain = errors.df === undefined && fixed!.prior.horseshoe === undefined;
    const means = terms.flatMap(({ levels, columns, population: { prior } }, term): JoinedMean[] => {
      if (!isPlain || prior.kind !== 'normal' || prior.horseshoe !== undefined || !hasConstants(levels)) return [];
      const places = populationPlaces(levels);
      return columns.map((_, column) => {
        const at = places[column];
        return { term, column, priorMean: prior.means[at], priorSd: prior.sds[at] };
      });
    });
    return new JoinedMeans(structure, means);
  }

  /** Terms whose columns are joined. */
  get terms(): ReadonlySet<number> {
    return new Set(this.means.map(({ term }) => term));
  }

  /** The joined coefficients of a chain. */
  coefficientsOf({ fixed, terms }: ChainValues): Float64Array {
    const places = this.structure.terms.map(({ levels }) => populationPlaces(levels));
    const own = this.means.map(
      ({ term, column, priorMean }) => terms[term].population[places[term][column]] - priorMean,
    );
    return Float64Array.from(this.insert([...fixed!.coefficients], own));
  }

  /**
   * What rows without the fixed block but with all of the terms say, as what rows say from which only deviations and prior means have been taken.
   * Returns the change of the rows' sum of squares.
   */
  addMeans(coefficients: Float64Array, { gram, cross }: FixedNormalEquations): number {
    const size = coefficients.length;
    const first = this.structure.fixed!.dense.length;
    let change = 0;
    const last = first + this.means.length;
    const added = new Float64Array(size);
    for (let i = 0; i < size; i++) for (let j = first; j < last; j++) added[i] += gram[i * size + j] * coefficients[j];
    for (let j = first; j < last; j++) change += coefficients[j] * (2 * cross[j] + added[j]);
    for (let i = 0; i < size; i++) cross[i] += added[i];
    return change;
  }

  /** Gives a chain new joined coefficients: those of groups move with their means. */
  assign(values: ChainValues, before: Float64Array, after: Float64Array): void {
    const first = this.structure.fixed!.dense.length;
    const last = first + this.means.length;
    const { coefficients } = values.fixed!;
    coefficients.set(after.subarray(0, first));
    coefficients.set(after.subarray(last), first);
    for (const [m, mean] of this.means.entries())
      moveColumn(this.structure, values, mean, after[first + m] - before[first + m]);
  }

  /** The part of the fixed block's own coefficients. */
  ownEquations({ gram, cross }: FixedNormalEquations): FixedNormalEquations {
    const first = this.structure.fixed!.dense.length;
    const size = cross.length;
    const own = Array.from(cross.keys()).filter((i) => i < first || i >= first + this.means.length);
    return {
      cross: Float64Array.from(own, (i) => cross[i]),
      gram: Float64Array.from(own.flatMap((i) => own.map((j) => gram[i * size + j]))),
    };
  }

  private insert(own: readonly number[], inserted: readonly number[]): number[] {
    const { length } = this.structure.fixed!.dense;
    return [...own.slice(0, length), ...inserted, ...own.slice(length)];
  }
}
