// The scalars of a hierarchy, everything but the coefficients of its groups, as one vector without constraints.
import type * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../../kernels/program/tensorProgram.js';
import type { Hierarchy } from '../../../models/linearHierarchy/structure.js';
import type { HierarchyValues } from '../../../models/linearHierarchy/values.js';
import type { ModelParameter, Tensors } from '../../../models/model.js';
import { HierarchyPositions } from '../../linearHierarchy/positions.js';
import { constrain, unconstrainedShape } from '../../transforms/transforms.js';
import type { ChainValues } from '../chainValues.js';
import type { BoundProgram } from '../program.js';

/** Parameters of a model besides the coefficients of its groups. */
function scalarParameters({ terms }: Hierarchy, parameters: readonly ModelParameter[]): readonly ModelParameter[] {
  const coefficients = new Set(terms.flatMap(({ levels }) => levels.map((level) => level.coefficients)));
  return parameters.filter(({ name }) => !coefficients.has(name));
}

interface ScalarBlock {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

export class Scalars {
  readonly parameters: readonly ModelParameter[];
  readonly blocks: readonly ScalarBlock[];
  readonly dimension: number;
  private readonly positions: HierarchyPositions;

  /** @param parameters of the model, those that are no scalars among them */
  constructor(structure: Hierarchy, parameters: readonly ModelParameter[]) {
    this.parameters = scalarParameters(structure, parameters);
    let offset = 0;
    this.blocks = this.parameters.map(({ name, constraint, shape }) => {
      const size = sizeOf(unconstrainedShape(constraint, shape));
      const block = { name, offset, size };
      offset += size;
      return block;
    });
    this.dimension = offset;
    this.positions = scalarPositions(structure, this.parameters);
  }

  /** Unconstrained shapes of the parameters. */
  get shapes(): Record<string, readonly number[]> {
    return Object.fromEntries(
      this.parameters.map(({ name, constraint, shape }) => [name, unconstrainedShape(constraint, shape)]),
    );
  }

  /** Natural values of all, by name, and the log Jacobians of those with constraints. @param signed values that have a sign that means nothing */
  constrained(
    p: Tensors,
    signed: Tensors = {},
  ): { readonly values: Record<string, tf.Tensor>; readonly logJacobians: tf.Tensor[] } {
    const values: Record<string, tf.Tensor> = { ...p };
    const logJacobians: tf.Tensor[] = [];
    for (const { name, constraint, shape } of this.parameters) {
      if (name in signed) {
        values[name] = signed[name].abs();
        continue;
      }
      const { value, logJacobian } = constrain(constraint, p[name], shape);
      values[name] = value;
      if (logJacobian !== undefined) logJacobians.push(logJacobian);
    }
    return { values, logJacobians };
  }

  /** Sets the scalars of a chain in a program that takes them by name. */
  set(program: BoundProgram, lane: number, scalars: Float64Array): void {
    for (const { name, offset, size } of this.blocks) program.set(name, lane, scalars.subarray(offset, offset + size));
  }

  /** Reads the gradient by a chain's scalars of such a program. */
  readGradient(program: BoundProgram, lane: number, target: Float64Array): void {
    for (const { name, offset, size } of this.blocks)
      program.read(`gradient ${name}`, lane, target.subarray(offset, offset + size));
  }

  /** Of a chain, `[dimension]`. */
  of(values: ChainValues): Float64Array {
    const scalars = new Float64Array(this.dimension);
    this.positions.writeScalars(values, scalars);
    return scalars;
  }

  /** Puts scalars `[dimension]` into a chain's values; the coefficients of groups stay as they are. */
  put(scalars: Float64Array, values: ChainValues): void {
    const found: HierarchyValues = this.positions.read(scalars);
    values.sigma = found.sigma;
    for (const [t, { levels, population, shrinkage }] of values.terms.entries()) {
      const own = found.terms[t];
      population.set(own.population);
      if (shrinkage !== undefined) Object.assign(shrinkage, own.shrinkage);
      for (const [l, { sds, lower, factors }] of levels.entries()) {
        sds.set(own.levels[l].sds);
        lower?.set(own.levels[l].lower!);
        factors?.loadings.set(own.levels[l].factors!.loadings);
        factors?.uniques.set(own.levels[l].factors!.uniques);
      }
    }
    if (values.fixed === undefined) return;
    values.fixed.coefficients.set(found.fixed!.coefficients);
    if (values.fixed.shrinkage !== undefined) Object.assign(values.fixed.shrinkage, found.fixed!.shrinkage);
  }
}

/** Positions of a hierarchy whose levels have no groups: the scalars alone. */
function scalarPositions(structure: Hierarchy, scalars: readonly ModelParameter[]): HierarchyPositions {
  const terms = structure.terms.map((term) => ({
    ...term,
    levels: term.levels.map((level) => ({
      ...level,
      groups: 0,
      covariates: new Float64Array(0),
      centring: level.centring.map(() => 1),
    })),
  }));
  const empty = terms.flatMap(({ levels }) =>
    levels.map(({ coefficients, size }): ModelParameter => ({
      name: coefficients,
      constraint: { kind: 'real' },
      shape: [0, size],
      dims: [0, size],
    })),
  );
  return new HierarchyPositions({
    name: 'scalars',
    structure: { ...structure, terms },
    parameters: [...scalars, ...empty],
  });
}
