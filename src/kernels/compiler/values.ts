// Arithmetic in WebAssembly: literals, numbers shared by all chains, and vectors with one chain a lane.
import { Code, type FunctionBuilder } from '../wasm/encoder.js';
import type { PlainInstruction } from '../wasm/instructions.js';
import { binaryScalar, unaryScalar } from '../program/scalarFunctions.js';
import type { BinaryFunction, UnaryFunction } from '../program/tensorProgram.js';
import type { MathFunction } from '../math/vectorMath.js';
import { depthOf, literal, Scope } from './target.js';

/** Code of one nesting depth, with the address locals that are known in it by symbolic key. */
export class WasmScope extends Scope {
  declare readonly parent: WasmScope | undefined;
  readonly code = new Code();
  readonly addresses = new Map<string, number>();
}

export type WasmValue =
  | { readonly kind: 'literal'; readonly value: number }
  /** An f64 local, and a v128 local with the number in both lanes once that is needed. */
  | {
      readonly kind: 'shared';
      readonly local: number;
      readonly depth: number;
      splat?: number;
      readonly loadSplat?: () => number;
    }
  /** v128 locals, two chains each. */
  | { readonly kind: 'lanes'; readonly locals: readonly number[]; readonly depth: number }
  /** v128 locals of all ones or all zeros. */
  | { readonly kind: 'laneMask'; readonly locals: readonly number[]; readonly depth: number; number?: WasmValue };

const unaryInstructions: Partial<Record<UnaryFunction, readonly [PlainInstruction, PlainInstruction]>> = {
  neg: ['f64_neg', 'f64x2_neg'],
  abs: ['f64_abs', 'f64x2_abs'],
  floor: ['f64_floor', 'f64x2_floor'],
  ceil: ['f64_ceil', 'f64x2_ceil'],
  round: ['f64_nearest', 'f64x2_nearest'],
  sqrt: ['f64_sqrt', 'f64x2_sqrt'],
};

const binaryInstructions: Partial<Record<BinaryFunction, readonly [PlainInstruction, PlainInstruction]>> = {
  add: ['f64_add', 'f64x2_add'],
  sub: ['f64_sub', 'f64x2_sub'],
  mul: ['f64_mul', 'f64x2_mul'],
  div: ['f64_div', 'f64x2_div'],
  min: ['f64_min', 'f64x2_min'],
  max: ['f64_max', 'f64x2_max'],
};

const comparisons: Partial<Record<BinaryFunction, readonly [PlainInstruction, PlainInstruction]>> = {
  equal: ['f64_eq', 'f64x2_eq'],
  notEqual: ['f64_ne', 'f64x2_ne'],
  less: ['f64_lt', 'f64x2_lt'],
  lessEqual: ['f64_le', 'f64x2_le'],
  greater: ['f64_gt', 'f64x2_gt'],
  greaterEqual: ['f64_ge', 'f64x2_ge'],
};

/** The function of the math library behind an elementwise function, where it is not an instruction. */
export function mathFunctionOf(fn: UnaryFunction | BinaryFunction): MathFunction | undefined {
  const instructions = ['reciprocal', 'sign', 'not', 'isNaN', 'mod', 'and', 'or'];
  if (fn in unaryInstructions || fn in binaryInstructions || fn in comparisons || instructions.includes(fn))
    return undefined;
  return fn as MathFunction;
}

/** Emits arithmetic on values into the scope where the operands are complete. */
export class Arithmetic {
  private readonly literals = new Map<string, number>();

  constructor(
    readonly fn: FunctionBuilder,
    /** Number of v128 vectors that hold the chains of one call. */
    readonly vectors: number,
    private readonly math: ReadonlyMap<MathFunction, number>,
  ) {}

  unary(fn: UnaryFunction, x: WasmValue, scope: WasmScope): WasmValue {
    if (x.kind === 'literal') return literal(unaryScalar[fn](x.value));
    switch (fn) {
      case 'reciprocal':
        return this.binary('div', literal(1), x, scope);
      case 'not':
        return this.binary('equal', x, literal(0), scope);
      case 'isNaN':
        return this.binary('notEqual', x, x, scope);
      case 'sign': {
        const zero = literal(0);
        return this.binary('sub', this.binary('greater', x, zero, scope), this.binary('less', x, zero, scope), scope);
      }
      default: {
        const instructions = unaryInstructions[fn];
        if (instructions !== undefined) {
          return this.emit(
            [x],
            scope,
            (code) => code.op(instructions[0]),
            (code) => code.op(instructions[1]),
          );
        }
        return this.callMath(fn, [x], scope);
      }
    }
  }

  binary(fn: BinaryFunction, a: WasmValue, b: WasmValue, scope: WasmScope): WasmValue {
    if (a.kind === 'literal' && b.kind === 'literal') return literal(binaryScalar[fn](a.value, b.value));
    if (a.kind === 'literal' || b.kind === 'literal') {
      const same = this.withNeutralLiteral(fn, a, b, scope);
      if (same !== undefined) return same;
    }
    const instructions = binaryInstructions[fn];
    if (instructions !== undefined) {
      return this.emit(
        [a, b],
        scope,
        (code) => code.op(instructions[0]),
        (code) => code.op(instructions[1]),
      );
    }
    const comparison = comparisons[fn];
    if (comparison !== undefined) {
      return this.emit(
        [a, b],
        scope,
        (code) => code.op(comparison[0], 'f64_convert_i32_s'),
        (code) => code.op(comparison[1]),
        true,
      );
    }
    switch (fn) {
      case 'and':
      case 'or': {
        const left = this.binary('notEqual', a, literal(0), scope);
        const right = this.binary('notEqual', b, literal(0), scope);
        if (left.kind === 'laneMask' && right.kind === 'laneMask') {
          return this.combineMasks(fn === 'and' ? 'v128_and' : 'v128_or', left, right, scope);
        }
        return this.binary(fn === 'and' ? 'min' : 'max', left, right, scope);
      }
      case 'mod': {
        const quotient = this.unary('floor', this.binary('div', a, b, scope), scope);
        return this.binary('sub', a, this.binary('mul', b, quotient, scope), scope);
      }
      default:
        return this.callMath(fn, [a, b], scope);
    }
  }

  /** Constant columns often hold 1 or 0: what they leave of an operation, where that is exact. */
  private withNeutralLiteral(fn: BinaryFunction, a: WasmValue, b: WasmValue, scope: WasmScope): WasmValue | undefined {
    const [left, right] = [a, b].map((value) => (value.kind === 'literal' ? value.value : undefined));
    switch (fn) {
      case 'mul':
        if (left === 1 || right === 1) return left === 1 ? b : a;
        return left === -1 || right === -1 ? this.unary('neg', left === -1 ? b : a, scope) : undefined;
      case 'add':
        return left === 0 || right === 0 ? (left === 0 ? b : a) : undefined;
      case 'sub':
        return right === 0 ? a : undefined;
      case 'div':
        return right === 1 ? a : undefined;
      default:
        return undefined;
    }
  }

  select(condition: WasmValue, yes: WasmValue, no: WasmValue, scope: WasmScope): WasmValue {
    if (condition.kind === 'literal') return condition.value !== 0 ? yes : no;
    if (
      condition.kind === 'shared' &&
      yes.kind !== 'lanes' &&
      yes.kind !== 'laneMask' &&
      no.kind !== 'lanes' &&
      no.kind !== 'laneMask'
    ) {
      return this.emit(
        [yes, no, condition],
        scope,
        (code) => code.f64Const(0).op('f64_ne', 'select'),
        () => undefined,
      );
    }
    const mask = condition.kind === 'laneMask' ? condition : this.toMask(condition, scope);
    const depth = Math.max(depthOf(mask), depthOf(yes), depthOf(no));
    const target = scope.at(depth);
    const locals = mask.locals.map((local, v) => {
      this.pushLane(target.code, yes, v, target);
      this.pushLane(target.code, no, v, target);
      const result = this.fn.local('v128');
      target.code.get(local).op('v128_bitselect').set(result);
      return result;
    });
    return { kind: 'lanes', locals, depth };
  }

  /** Pushes vector `v` of a value. */
  pushLane(code: Code, value: WasmValue, v: number, scope: WasmScope): void {
    switch (value.kind) {
      case 'literal':
        code.get(this.literalLocal(value.value, scope));
        return;
      case 'shared': {
        code.get((value.splat ??= value.loadSplat?.() ?? this.splatOf(value.local, scope.at(value.depth))));
        return;
      }
      case 'lanes':
        code.get(value.locals[v]);
        return;
      case 'laneMask':
        this.pushLane(code, this.maskToNumber(value, scope), v, scope);
        return;
      default:
        throw new Error((value satisfies never as WasmValue).kind);
    }
  }

  /** A local set once, outside all loops: as an instruction a constant of 128 bits costs more than many operations. */
  private literalLocal(value: number, scope: WasmScope): number {
    const key = Object.is(value, -0) ? '-0' : String(value);
    let local = this.literals.get(key);
    if (local === undefined) {
      local = this.fn.local('v128');
      scope.at(0).code.f64x2Const(value).set(local);
      this.literals.set(key, local);
    }
    return local;
  }

  private splatOf(local: number, scope: WasmScope): number {
    const splat = this.fn.local('v128');
    scope.code.get(local).op('f64x2_splat').set(splat);
    return splat;
  }

  /**
   * An f64 in memory, read when it is first needed and in the form that is needed: as a number, or straight into both lanes.
   * `push` emits the load into the scope.
   */
  stored(scope: WasmScope, push: (load: 'f64_load' | 'v128_load64_splat') => void): WasmValue {
    const load = (type: 'f64' | 'v128'): number => {
      const local = this.fn.local(type);
      push(type === 'f64' ? 'f64_load' : 'v128_load64_splat');
      scope.code.set(local);
      return local;
    };
    let number: number | undefined;
    return {
      kind: 'shared',
      depth: scope.depth,
      get local() {
        return (number ??= load('f64'));
      },
      loadSplat: () => load('v128'),
    };
  }

  /** Pushes a value that is the same for all chains. */
  pushShared(code: Code, value: WasmValue): void {
    if (value.kind === 'literal') code.f64Const(value.value);
    else if (value.kind === 'shared') code.get(value.local);
    else throw new Error('a value that differs between chains is used where all chains must agree');
  }

  /** One instruction sequence on one or more operands, in the scope of the deepest of them. */
  private emit(
    operands: readonly WasmValue[],
    scope: WasmScope,
    shared: (code: Code) => void,
    lanes: (code: Code) => void,
    isComparison = false,
  ): WasmValue {
    const depth = Math.max(...operands.map(depthOf));
    const target = scope.at(depth);
    if (operands.every((value) => value.kind === 'literal' || value.kind === 'shared')) {
      for (const value of operands) this.pushShared(target.code, value);
      shared(target.code);
      const local = this.fn.local('f64');
      target.code.set(local);
      return { kind: 'shared', local, depth };
    }
    const locals = Array.from({ length: this.vectors }, (_, v) => {
      for (const value of operands) this.pushLane(target.code, value, v, target);
      lanes(target.code);
      const local = this.fn.local('v128');
      target.code.set(local);
      return local;
    });
    return isComparison ? { kind: 'laneMask', locals, depth } : { kind: 'lanes', locals, depth };
  }

  private callMath(fn: UnaryFunction | BinaryFunction, operands: readonly WasmValue[], scope: WasmScope): WasmValue {
    const index = this.math.get(mathFunctionOf(fn)!)!;
    const depth = Math.max(...operands.map(depthOf));
    const target = scope.at(depth);
    if (operands.every((value) => value.kind === 'literal' || value.kind === 'shared')) {
      for (const value of operands) {
        this.pushShared(target.code, value);
        target.code.op('f64x2_splat');
      }
      const local = this.fn.local('f64');
      target.code.call(index).extractLane(0).set(local);
      return { kind: 'shared', local, depth };
    }
    return this.emit(
      operands,
      scope,
      () => undefined,
      (code) => code.call(index),
    );
  }

  private toMask(value: WasmValue, scope: WasmScope): Extract<WasmValue, { kind: 'laneMask' }> {
    const depth = depthOf(value);
    const target = scope.at(depth);
    const locals = Array.from({ length: this.vectors }, (_, v) => {
      this.pushLane(target.code, value, v, target);
      const local = this.fn.local('v128');
      target.code.f64x2Const(0).op('f64x2_ne').set(local);
      return local;
    });
    return { kind: 'laneMask', locals, depth };
  }

  private combineMasks(
    instruction: PlainInstruction,
    a: Extract<WasmValue, { kind: 'laneMask' }>,
    b: Extract<WasmValue, { kind: 'laneMask' }>,
    scope: WasmScope,
  ): WasmValue {
    const depth = Math.max(a.depth, b.depth);
    const target = scope.at(depth);
    const locals = a.locals.map((local, v) => {
      const result = this.fn.local('v128');
      target.code.get(local).get(b.locals[v]).op(instruction).set(result);
      return result;
    });
    return { kind: 'laneMask', locals, depth };
  }

  private maskToNumber(mask: Extract<WasmValue, { kind: 'laneMask' }>, scope: WasmScope): WasmValue {
    if (mask.number === undefined) {
      const target = scope.at(mask.depth);
      const locals = mask.locals.map((local) => {
        const result = this.fn.local('v128');
        target.code.get(local).f64x2Const(1).op('v128_and').set(result);
        return result;
      });
      mask.number = { kind: 'lanes', locals, depth: mask.depth };
    }
    return mask.number;
  }
}
