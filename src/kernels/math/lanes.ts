// Writes a WebAssembly function on pairs of doubles as arithmetic: each operation emits code and names its result.

import type { Code } from '../wasm/encoder.js';
import type { PlainInstruction } from '../wasm/instructions.js';
import { FunctionBuilder } from '../wasm/encoder.js';

/** The result of an operation: a local variable of type v128. */
export interface Variable {
  readonly local: number;
}

/** A variable, a number (in both lanes) or a 64-bit pattern (in both lanes). */
export type Operand = Variable | number | bigint;

/** 1.5 · 2⁵²: added to a small double it leaves the nearest integer in the low bits. */
export const roundingShift = 6755399441055744;

/**
 * A function (v128, …) → v128 under construction. Comparisons give masks (all ones or all zeros per lane). No
 * operation mixes lanes, so a lane's result depends on that lane's arguments only; `whenAny` keeps that as long as its
 * block changes selected lanes only.
 */
export class Lanes {
  private readonly builder: FunctionBuilder;
  private readonly code: Code;
  readonly parameters: readonly Variable[];

  constructor(
    parameters: number,
    /** Index of a global that holds a constant in both lanes. */
    private readonly constant: (value: number | bigint) => number,
  ) {
    this.builder = new FunctionBuilder(Array<'v128'>(parameters).fill('v128'), ['v128']);
    this.code = this.builder.body;
    this.parameters = Array.from({ length: parameters }, (_, local) => ({ local }));
  }

  /** The finished function, returning `result`. */
  finish(result: Operand): FunctionBuilder {
    this.push(result);
    return this.builder;
  }

  add = (a: Operand, b: Operand): Variable => this.apply('f64x2_add', a, b);
  sub = (a: Operand, b: Operand): Variable => this.apply('f64x2_sub', a, b);
  mul = (a: Operand, b: Operand): Variable => this.apply('f64x2_mul', a, b);
  div = (a: Operand, b: Operand): Variable => this.apply('f64x2_div', a, b);
  abs = (a: Operand): Variable => this.apply('f64x2_abs', a);
  neg = (a: Operand): Variable => this.apply('f64x2_neg', a);
  floor = (a: Operand): Variable => this.apply('f64x2_floor', a);
  nearest = (a: Operand): Variable => this.apply('f64x2_nearest', a);
  less = (a: Operand, b: Operand): Variable => this.apply('f64x2_lt', a, b);
  equal = (a: Operand, b: Operand): Variable => this.apply('f64x2_eq', a, b);
  and = (a: Operand, b: Operand): Variable => this.apply('v128_and', a, b);
  or = (a: Operand, b: Operand): Variable => this.apply('v128_or', a, b);
  xor = (a: Operand, b: Operand): Variable => this.apply('v128_xor', a, b);
  not = (a: Operand): Variable => this.apply('v128_not', a);
  addBits = (a: Operand, b: Operand): Variable => this.apply('i64x2_add', a, b);
  equalBits = (a: Operand, b: Operand): Variable => this.apply('i64x2_eq', a, b);

  /** The smaller, or `a` where either is NaN. */
  min(a: Operand, limit: Operand): Variable {
    return this.apply('f64x2_pmin', a, limit);
  }

  /** The larger, or `a` where either is NaN. */
  max(a: Operand, limit: Operand): Variable {
    return this.apply('f64x2_pmax', a, limit);
  }

  select(mask: Operand, whereTrue: Operand, whereFalse: Operand): Variable {
    return this.apply('v128_bitselect', whereTrue, whereFalse, mask);
  }

  shiftLeft(a: Operand, bits: number): Variable {
    this.push(a).i32Const(bits).op('i64x2_shl');
    return this.pop();
  }

  shiftRight(a: Operand, bits: number): Variable {
    this.push(a).i32Const(bits).op('i64x2_shr_u');
    return this.pop();
  }

  /** |magnitude| with the sign of `sign`. */
  copySign(magnitude: Operand, sign: Operand): Variable {
    return this.or(this.abs(magnitude), this.and(sign, 1n << 63n));
  }

  /** Σ coefficients[i] xⁱ by Estrin's scheme: short chains of dependent operations. */
  polynomial(coefficients: readonly number[], x: Operand): Variable {
    let power: Operand = x;
    let terms: Operand[] = [...coefficients];
    while (terms.length > 1) {
      const pairs: Operand[] = [];
      for (let i = 0; i < terms.length; i += 2) {
        pairs.push(i + 1 < terms.length ? this.add(terms[i], this.mul(terms[i + 1], power)) : terms[i]);
      }
      terms = pairs;
      if (terms.length > 1) power = this.mul(power, power);
    }
    const sum = terms[0];
    return typeof sum === 'object' ? sum : this.variable(sum);
  }

  /** The same with the constant term added last, which halves the error where it dominates and costs one more step. */
  accuratePolynomial(coefficients: readonly number[], x: Operand): Variable {
    return this.add(coefficients[0], this.mul(x, this.polynomial(coefficients.slice(1), x)));
  }

  /** 2ⁿ for integral n in [−1022, 1023], given roundingShift + n. */
  powerOfTwo(shifted: Operand): Variable {
    return this.shiftLeft(this.add(shifted, 1023), 52);
  }

  /** Calls another function (v128, …) → v128 of the module. */
  call(functionIndex: number, ...operands: Operand[]): Variable {
    for (const operand of operands) this.push(operand);
    this.code.call(functionIndex);
    return this.pop();
  }

  /** Calls a scalar function (f64, …) → f64 for one lane after the other. */
  callPerLane(functionIndex: number, ...operands: Variable[]): Variable {
    const lane = (index: 0 | 1): void => {
      for (const operand of operands) this.push(operand).extractLane(index);
      this.code.call(functionIndex);
    };
    lane(0);
    this.code.op('f64x2_splat');
    lane(1);
    this.code.replaceLane(1);
    return this.pop();
  }

  /** A variable that `whenAny` may change. */
  variable(initial: Operand): Variable {
    this.push(initial);
    return this.pop();
  }

  /** Where the mask is set in any lane, computes `replacement` and takes it over in the lanes of the mask. */
  whenAny(mask: Variable, target: Variable, replacement: () => Operand): void {
    this.push(mask).op('v128_any_true').if();
    this.push(this.select(mask, replacement(), target)).set(target.local);
    this.code.op('end');
  }

  private apply(name: PlainInstruction, ...operands: Operand[]): Variable {
    for (const operand of operands) this.push(operand);
    this.code.op(name);
    return this.pop();
  }

  private push(operand: Operand): Code {
    return typeof operand === 'object' ? this.code.get(operand.local) : this.code.getGlobal(this.constant(operand));
  }

  private pop(): Variable {
    const local = this.builder.local('v128');
    this.code.set(local);
    return { local };
  }
}
