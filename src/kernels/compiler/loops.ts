// Loops over index spaces, written out where they are short.
import { sizeOf, stridesOf } from '../program/tensorProgram.js';
import { unrollLimit } from './analysis.js';
import { constantIndex, type Index, offsetIndex, scaleIndex, variableIndex } from './indexing.js';
import type { Scope, Target } from './target.js';

/** Instruction that joins two numbers of a reduction. */
export const reductionFunction = { sum: 'add', prod: 'mul', max: 'max', min: 'min' } as const;
export const neutralElement = { sum: 0, prod: 1, max: -Infinity, min: Infinity } as const;

/** Copies of the body of a loop that only adds up. */
export const loopCopies = 4;

export class Loops {
  /** @param longest index spaces up to this size are written out instead of looped over */
  constructor(
    readonly target: Target,
    protected readonly longest = unrollLimit,
  ) {}

  /** A loop whose body stands `copies` times in a row, and what is left over after it. */
  protected repeatedLoop(
    scope: Scope,
    extent: number,
    copies: number,
    body: (inner: Scope, place: Index, copy: number) => void,
  ): void {
    const passes = Math.floor(extent / copies);
    this.target.loop(scope, passes, (inner, variable) => {
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
      if (count <= this.longest) {
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
