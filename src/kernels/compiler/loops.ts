// Loops over index spaces, written out where they are short, and the numbers that are summed up in them.
import { sizeOf, stridesOf } from '../program/tensorProgram.js';
import { unrollLimit } from './analysis.js';
import { ArrayAccess } from './arrayAccess.js';
import { constantIndex, type Index, type IndexVariable, offsetIndex, scaleIndex, variableIndex } from './indexing.js';
import { Scope, type Value } from './values.js';

/** Instruction that joins two numbers of a reduction. */
export const reductionFunction = { sum: 'add', prod: 'mul', max: 'max', min: 'min' } as const;
export const neutralElement = { sum: 0, prod: 1, max: -Infinity, min: Infinity } as const;

/** Copies of the body of a loop that only adds up. */
export const loopCopies = 4;

export class Loops extends ArrayAccess {
  /** A mutable value, set to a literal in `scope`; read it only after the loop that changes it has closed. */
  newAccumulator(varies: boolean, initial: number, scope: Scope): Exclude<Value, { kind: 'literal' | 'laneMask' }> {
    if (!varies) {
      const local = this.fn.local('f64');
      scope.code.f64Const(initial).set(local);
      return { kind: 'shared', local, depth: scope.depth };
    }
    const locals = Array.from({ length: this.arithmetic.vectors }, () => {
      const local = this.fn.local('v128');
      scope.code.f64x2Const(initial).set(local);
      return local;
    });
    return { kind: 'lanes', locals, depth: scope.depth };
  }

  /** accumulator ← accumulator ∘ value, executed in `scope` at every pass. */
  accumulate(
    accumulator: Exclude<Value, { kind: 'literal' | 'laneMask' }>,
    fn: keyof typeof reductionFunction,
    value: Value,
    scope: Scope,
  ): void {
    const name = reductionFunction[fn];
    if (accumulator.kind === 'shared') {
      scope.code.get(accumulator.local);
      this.arithmetic.pushShared(scope.code, value);
      scope.code.op(`f64_${name}`).set(accumulator.local);
      return;
    }
    for (const [v, local] of accumulator.locals.entries()) {
      scope.code.get(local);
      this.arithmetic.pushLane(scope.code, value, v, scope);
      scope.code.op(`f64x2_${name}`).set(local);
    }
  }

  /** A counted loop appended to `scope`; `body` fills the inner scope. */
  loop(scope: Scope, extent: number, body: (inner: Scope, variable: IndexVariable) => void): void {
    const local = this.fn.local('i32');
    const inner = new Scope(scope, scope.depth + 1);
    body(inner, this.variable(local, extent, inner.depth));
    scope.code.i32Const(0).set(local).loop().append(inner.code);
    scope.code.get(local).i32Const(1).op('i32_add').tee(local).i32Const(extent).op('i32_lt_u').branchIf(0).op('end');
  }

  /** A loop whose body stands `copies` times in a row, and what is left over after it. */
  protected repeatedLoop(
    scope: Scope,
    extent: number,
    copies: number,
    body: (inner: Scope, place: Index, copy: number) => void,
  ): void {
    const passes = Math.floor(extent / copies);
    this.loop(scope, passes, (inner, variable) => {
      for (let copy = 0; copy < copies; copy++) {
        body(inner, offsetIndex(scaleIndex(variableIndex(variable), copies), copy), copy);
      }
    });
    for (let rest = passes * copies; rest < extent; rest++) body(scope, constantIndex(rest), rest - passes * copies);
  }

  /**
   * Runs `body` for every position of an index space: written out when small, else loops over its longest axes. `copies` of
   * the body stand in the innermost loop.
   */
  forEach(
    extents: readonly number[],
    scope: Scope,
    body: (index: readonly Index[], inner: Scope) => void,
    copies = 1,
  ): void {
    const visit = (index: readonly (Index | undefined)[], inner: Scope): void => {
      const open = index.flatMap((i, axis) => (i === undefined ? [axis] : []));
      const count = sizeOf(open.map((axis) => extents[axis]));
      if (count <= unrollLimit) {
        this.forEachLiteral(
          open.map((axis) => extents[axis]),
          (position) =>
            body(
              index.map((i, axis) => i ?? constantIndex(position[open.indexOf(axis)])),
              inner,
            ),
        );
        return;
      }
      const longest = open.reduce((best, axis) => (extents[axis] > extents[best] ? axis : best));
      this.repeatedLoop(inner, extents[longest], count === extents[longest] ? copies : 1, (deeper, place) =>
        visit(
          index.map((i, axis) => (axis === longest ? place : i)),
          deeper,
        ),
      );
    };
    visit(
      extents.map(() => undefined),
      scope,
    );
  }

  forEachLiteral(extents: readonly number[], body: (position: readonly number[]) => void): void {
    const strides = stridesOf(extents);
    for (let i = 0; i < sizeOf(extents); i++)
      body(strides.map((stride, axis) => Math.floor(i / stride) % extents[axis]));
  }
}
