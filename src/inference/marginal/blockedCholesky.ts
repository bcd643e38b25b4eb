// Cholesky factor of one larger matrix in a tensor program, block by block: blocks are written out, what joins them is loops.
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import type { NodeId } from '../../kernels/program/tensorProgram.js';

/** Rows of a block: what is written out stays small. */
const blockSize = 12;

interface Block {
  readonly first: number;
  readonly size: number;
  /** Lower factor of the block, and the rows of the factor below it, `[rest, size]`. */
  readonly lower: NodeId;
  readonly below: NodeId | undefined;
}

/** Sizes above this, and up to what the compiler writes out, are filled up with an identity: loops are shorter than so much code. */
const writtenOut = 12;
const looped = 33;

/** A = L L' (Golub and Van Loan 2013, algorithm 4.2.2, in blocks). */
export class BlockedCholesky {
  readonly size: number;
  /** Arrays to be outputs of the program, so that they are computed once. */
  readonly stored: NodeId[] = [];
  private readonly blocks: readonly Block[];
  /** Rows and columns added. */
  private readonly more: number;

  constructor(
    private readonly builder: ProgramBuilder,
    matrix: NodeId,
  ) {
    [this.size] = builder.shape(matrix);
    this.more = this.size > writtenOut ? Math.max(0, looped - this.size) : 0;
    const blocks: Block[] = [];
    let rest = this.filled(matrix);
    if (this.size > blockSize) this.stored.push(rest);
    for (let first = 0; first < this.size + this.more; first += blockSize) {
      const left = this.size + this.more - first;
      const size = Math.min(blockSize, left);
      const lower = builder.cholesky(builder.slice(rest, [0, 0], [size, size]));
      if (left === size) {
        blocks.push({ first, size, lower, below: undefined });
        break;
      }
      const column = builder.swapLast(builder.slice(rest, [size, 0], [left - size, size]));
      const below = builder.swapLast(builder.triangularSolve(lower, column, false));
      blocks.push({ first, size, lower, below });
      const corner = builder.slice(rest, [size, size], [left - size, left - size]);
      rest = builder.sub(corner, builder.matMul(below, builder.swapLast(below)));
      this.stored.push(rest);
    }
    this.blocks = blocks;
  }

  /** L⁻¹ B, `[size, m]`. */
  solve(right: NodeId): NodeId {
    const { builder } = this;
    const [, m] = builder.shape(right);
    const parts: NodeId[] = [];
    let rest = this.withRows(right);
    for (const { size, lower, below } of this.blocks) {
      const own = builder.triangularSolve(lower, builder.slice(rest, [0, 0], [size, m]), false);
      parts.push(own);
      if (below === undefined) break;
      const [left] = builder.shape(below);
      rest = builder.sub(builder.slice(rest, [size, 0], [left, m]), builder.matMul(below, own));
      this.stored.push(rest);
    }
    return builder.slice(builder.concat(parts, 0), [0, 0], [this.size, m]);
  }

  /** L'⁻¹ B, `[size, m]`. */
  solveTransposed(right: NodeId): NodeId {
    const { builder } = this;
    const [, m] = builder.shape(right);
    const all = this.withRows(right);
    let known: NodeId | undefined;
    for (const { first, size, lower, below } of this.blocks.toReversed()) {
      const own = builder.slice(all, [first, 0], [size, m]);
      const rest =
        below === undefined || known === undefined
          ? own
          : builder.sub(own, builder.matMul(builder.swapLast(below), known));
      const solved = builder.triangularSolve(lower, rest, true);
      known = known === undefined ? solved : builder.concat([solved, known], 0);
      this.stored.push(known);
    }
    return builder.slice(known!, [0, 0], [this.size, m]);
  }

  /** A⁻¹. */
  inverse(): NodeId {
    const { builder, size } = this;
    const identity = Float64Array.from({ length: size * size }, (_, at) => Number(at % (size + 1) === 0));
    const factor = this.solve(builder.constant(identity, [size, size]));
    return builder.matMul(builder.swapLast(factor), factor);
  }

  private withRows(right: NodeId): NodeId {
    return this.builder.pad(right, [0, 0], [this.more, 0], 0);
  }

  private filled(matrix: NodeId): NodeId {
    const { builder, size, more } = this;
    if (more === 0) return matrix;
    const all = size + more;
    const identity = Float64Array.from({ length: all * all }, (_, at) =>
      Number(at % (all + 1) === 0 && at >= size * all),
    );
    return builder.add(builder.pad(matrix, [0, 0], [more, more], 0), builder.constant(identity, [all, all]));
  }

  /** log |A|. */
  logDeterminant(): NodeId {
    const { builder } = this;
    const logs = this.blocks.map(({ lower, size }) => {
      const diagonal = Float64Array.from({ length: size }, (_, i) => i * (size + 1));
      const flat = builder.reshape(lower, [size * size]);
      return builder.sum(builder.unary('log', builder.gather(flat, builder.constant(diagonal, [size]))));
    });
    return builder.mul(
      logs.reduce((a, b) => builder.add(a, b)),
      builder.scalar(2),
    );
  }
}
