// WebAssembly that fills arrays with standard normals: Philox on four counters at a time, then Box and Muller on pairs of doubles.
import { declareMath, mathImports } from '../../kernels/math/vectorMath.js';
import { Code, FunctionBuilder, ModuleBuilder } from '../../kernels/wasm/encoder.js';
import { philoxConstants } from './philox.js';
import type { PhiloxCounter } from './streams.js';

const memoryLimits = { minimum: 1, maximum: 65536, shared: true } as const;

/**
 * Parameters of `fill`: where the first number goes, how many, bytes between them, then the words of the counter and the key, and the
 * first of the counter's blocks.
 */
const locals = { target: 0, count: 1, stride: 2, site: 3, step: 4, chain: 5, keyLow: 6, keyHigh: 7, first: 8 } as const;

type Fill = (
  target: number,
  count: number,
  stride: number,
  site: number,
  step: number,
  chain: number,
  keyLow: number,
  keyHigh: number,
  first: number,
) => void;

let compiled: WebAssembly.Module | undefined;

/** Fills arrays in one memory, which must be shared and be able to grow to 65536 pages. */
export class NormalSource {
  private readonly fillMemory: Fill;

  constructor(memory: WebAssembly.Memory) {
    compiled ??= new WebAssembly.Module(normalModule());
    const { fill } = new WebAssembly.Instance(compiled, { env: { memory, ...mathImports } }).exports;
    this.fillMemory = fill as Fill;
  }

  /**
   * Writes `count` standard normals to byte `target` and every `stride` bytes on; `count` is even and room for a multiple of
   * eight is needed. Up to rounding they are those of the stream's `fillNormal`.
   */
  fill(target: number, count: number, stride: number, counter: PhiloxCounter): void {
    const { site, step, chain, keyLow, keyHigh } = counter;
    this.fillMemory(target, count, stride, site, step, chain, keyLow, keyHigh, 0);
  }
}

/** Numbers that one pass of the loop writes. */
export const normalsPerPass = 8;

function normalModule(): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  addNormalFill(builder, 'fill');
  return builder.encode(memoryLimits) as Uint8Array<ArrayBuffer>;
}

/**
 * Adds the function `fill` (`locals`) to a module that has no function yet; returns its index. Elements from 2 × `first` on of a stream are
 * filled by starting at block `first`.
 */
export function addNormalFill(builder: ModuleBuilder, exportName?: string): number {
  const math = declareMath(builder, new Set(['log']));
  const fn = new FunctionBuilder(Array<'i32'>(9).fill('i32'), []);
  const words = [0, 1, 2, 3].map(() => fn.local('v128'));
  const products = [0, 1, 2, 3].map(() => fn.local('v128'));
  const radius = fn.local('v128');
  const circle = new Circle(fn);
  const [block, key0, key1, at, end] = Array.from({ length: 5 }, () => fn.local('i32'));
  const pass = new Code();
  // Counters (block … block + 3, site, step, chain).
  pass.get(block).op('i32x4_splat').i32x4Const(0, 1, 2, 3).op('i32x4_add').set(words[0]);
  [locals.site, locals.step, locals.chain].forEach((local, i) =>
    pass
      .get(local)
      .op('i32x4_splat')
      .set(words[i + 1]),
  );
  pass.get(locals.keyLow).set(key0).get(locals.keyHigh).set(key1);
  for (let round = 0; round < philoxConstants.rounds; round++) {
    philoxRound(pass, words, products, key0, key1);
    pass.get(key0).i32Const(philoxConstants.weyl[0]).op('i32_add').set(key0);
    pass.get(key1).i32Const(philoxConstants.weyl[1]).op('i32_add').set(key1);
  }
  for (const half of [0, 1] as const) {
    openUniforms(pass, words[0], words[1], half);
    pass.call(math.get('log')!).f64x2Const(-2).op('f64x2_mul', 'f64x2_sqrt').set(radius);
    openUniforms(pass, words[2], words[3], half);
    circle.emit(pass);
    pass.get(circle.cosine).get(radius).op('f64x2_mul').set(products[0]);
    pass.get(circle.sine).get(radius).op('f64x2_mul').set(products[1]);
    for (const lane of [0, 1] as const) {
      for (const part of [0, 1]) {
        pass.get(at).get(products[part]).extractLane(lane).mem('f64_store', 0);
        pass.get(at).get(locals.stride).op('i32_add').set(at);
      }
    }
  }
  pass.get(block).i32Const(4).op('i32_add').tee(block).get(end).op('i32_lt_s');
  const { body } = fn;
  body.get(locals.target).set(at).get(locals.first).tee(block);
  body.get(locals.count).i32Const(1).op('i32_add').i32Const(1).op('i32_shr_u', 'i32_add').set(end);
  body.loop().append(pass).branchIf(0).op('end');
  return builder.addFunction(fn, exportName);
}

/** One round on four blocks (Salmon et al. 2011, §3.3): products of 32 × 32 bits, halves exchanged, keys mixed in. */
function philoxRound(code: Code, words: number[], products: number[], key0: number, key1: number): void {
  philoxConstants.multipliers.forEach((multiplier, i) => {
    const signed = multiplier | 0;
    code
      .get(words[2 * i])
      .i32x4Const(signed, signed, signed, signed)
      .op('i64x2_extmul_low_i32x4_u');
    code.set(products[2 * i]);
    code
      .get(words[2 * i])
      .i32x4Const(signed, signed, signed, signed)
      .op('i64x2_extmul_high_i32x4_u');
    code.set(products[2 * i + 1]);
  });
  const half = (i: number, high: 0 | 1): Code =>
    code
      .get(products[2 * i])
      .get(products[2 * i + 1])
      .shuffleWords(high, 2 + high, 4 + high, 6 + high);
  half(1, 1).get(words[1]).op('v128_xor').get(key0).op('i32x4_splat', 'v128_xor').set(words[0]);
  half(0, 1).get(words[3]).op('v128_xor').get(key1).op('i32x4_splat', 'v128_xor').set(words[2]);
  half(1, 0).set(words[1]);
  half(0, 0).set(words[3]);
}

/** Pushes (k + ½)·2⁻⁵², k the upper 26 bits of two words, of two of the four blocks. */
function openUniforms(code: Code, high: number, low: number, half: 0 | 1): void {
  const upper = (words: number): Code => {
    code.get(words).i32Const(6).op('i32x4_shr_u');
    if (half === 1) code.get(words).i32Const(6).op('i32x4_shr_u').shuffleWords(2, 3, 6, 7);
    return code.op('f64x2_convert_low_i32x4_u');
  };
  upper(high)
    .f64x2Const(2 ** 26)
    .op('f64x2_mul');
  upper(low).op('f64x2_add').f64x2Const(0.5).op('f64x2_add');
  code.f64x2Const(2 ** -52).op('f64x2_mul');
}

/** Coefficients of the Taylor series in x², highest first: on [−π/4, π/4] what is left out is below half an ulp. */
const sineSeries = [-1 / 1307674368000, 1 / 6227020800, -1 / 39916800, 1 / 362880, -1 / 5040, 1 / 120, -1 / 6, 1];
const cosineSeries = [
  1 / 20922789888000,
  -1 / 87178291200,
  1 / 479001600,
  -1 / 3628800,
  1 / 40320,
  -1 / 720,
  1 / 24,
  -1 / 2,
  1,
];

/** Cosine and sine of 2πu for u in (0, 1) on the stack. */
class Circle {
  readonly cosine: number;
  readonly sine: number;
  private readonly quadrant: number;
  private readonly square: number;
  private readonly mask: number;
  private readonly kept: number;

  constructor(fn: FunctionBuilder) {
    [this.cosine, this.sine, this.quadrant, this.square, this.mask, this.kept] = [0, 1, 2, 3, 4, 5].map(() =>
      fn.local('v128'),
    );
  }

  emit(code: Code): void {
    const { cosine, sine, quadrant, square, mask, kept } = this;
    // 4u = q + r with |r| ≤ ½: the angle is q quarters of a turn and x = rπ/2 beyond.
    code.f64x2Const(4).op('f64x2_mul').tee(kept).op('f64x2_nearest').set(quadrant);
    code
      .get(kept)
      .get(quadrant)
      .op('f64x2_sub')
      .f64x2Const(Math.PI / 2)
      .op('f64x2_mul')
      .tee(kept);
    code.get(kept).op('f64x2_mul').set(square);
    polynomial(code, sineSeries, square);
    code.get(kept).op('f64x2_mul').set(sine);
    polynomial(code, cosineSeries, square);
    code.set(cosine);
    // Odd quarters exchange the two.
    this.isQuarter(code, 1, 3);
    code.set(mask);
    code.get(sine).set(kept);
    code.get(cosine).get(sine).get(mask).op('v128_bitselect').set(sine);
    code.get(kept).get(cosine).get(mask).op('v128_bitselect').set(cosine);
    for (const [value, first, second] of [
      [cosine, 1, 2],
      [sine, 2, 3],
    ]) {
      this.isQuarter(code, first, second);
      code.f64x2Const(-0).op('v128_and').get(value).op('v128_xor').set(value);
    }
  }

  /** Pushes a mask of the lanes whose quadrant is one of two. */
  private isQuarter(code: Code, first: number, second: number): void {
    code.get(this.quadrant).f64x2Const(first).op('f64x2_eq');
    code.get(this.quadrant).f64x2Const(second).op('f64x2_eq', 'v128_or');
  }
}

/** Pushes a polynomial in a local by Horner's rule, coefficients highest first. */
function polynomial(code: Code, coefficients: readonly number[], x: number): void {
  code.f64x2Const(coefficients[0]);
  for (const coefficient of coefficients.slice(1)) code.get(x).op('f64x2_mul').f64x2Const(coefficient).op('f64x2_add');
}
