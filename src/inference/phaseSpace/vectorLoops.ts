// The loops of phase space over vectors, as WebAssembly functions on pairs of doubles: kicks, turning products, momenta from normals.
import { type Code, FunctionBuilder } from '../../kernels/wasm/encoder.js';

/** A function over vectors under construction: parameters are the vectors, then `bytes`, then what `more` lists. */
class VectorLoop {
  readonly builder: FunctionBuilder;
  private readonly at: number;
  private readonly bytes: number;

  constructor(vectors: number, more: readonly ('i32' | 'f64')[], results: readonly 'f64'[] = []) {
    this.builder = new FunctionBuilder([...Array<'i32'>(vectors).fill('i32'), 'i32', ...more], results);
    this.bytes = vectors;
    this.at = this.builder.local('i32');
  }

  get code(): Code {
    return this.builder.body;
  }

  variable(): number {
    return this.builder.local('v128');
  }

  /** Pushes the loop's pair of a vector. */
  load(vector: number): Code {
    return this.code.get(vector).get(this.at).op('i32_add').mem('v128_load', 0);
  }

  /** Stores a variable as the loop's pair of a vector. */
  store(vector: number, variable: number): void {
    this.code.get(vector).get(this.at).op('i32_add').get(variable).mem('v128_store', 0);
  }

  /** sum ← sum + a·b */
  accumulate(sum: number, a: number, b: number): void {
    this.code.get(sum).get(a).get(b).op('f64x2_mul', 'f64x2_add').set(sum);
  }

  /** Runs `body` for every pair. */
  forEachPair(body: () => void): void {
    this.code.loop();
    body();
    this.code.get(this.at).i32Const(16).op('i32_add').tee(this.at).get(this.bytes).op('i32_lt_u').branchIf(0).op('end');
  }

  /** Pushes the sum of a variable's two lanes. */
  lanesOf(variable: number): Code {
    return this.code.get(variable).extractLane(0).get(variable).extractLane(1).op('f64_add');
  }

  /** Stores lane sums one after another from the address in `results`. */
  storeSums(results: number, sums: readonly number[]): void {
    sums.forEach((sum, i) => {
      this.code.get(results);
      this.lanesOf(sum).mem('f64_store', 8 * i);
    });
  }
}

/** Sets `target` to both lanes of factor × the f64 parameter `stepSize`. */
function splatStep(loop: VectorLoop, stepSize: number, factor: number, target: number): void {
  loop.code.get(stepSize).f64Const(factor).op('f64_mul', 'f64x2_splat').set(target);
}

/** p' = p + ε/2 ∇, q' = q + ε m⁻¹ p'. */
export function kickAndDrift(): FunctionBuilder {
  const [momentum, gradient, position, inverseMass, newMomentum, newPosition, , stepSize] = [0, 1, 2, 3, 4, 5, 6, 7];
  const loop = new VectorLoop(6, ['f64']);
  const [half, whole, kicked, moved] = [loop.variable(), loop.variable(), loop.variable(), loop.variable()];
  splatStep(loop, stepSize, 0.5, half);
  splatStep(loop, stepSize, 1, whole);
  loop.forEachPair(() => {
    loop.load(momentum);
    loop.load(gradient).get(half).op('f64x2_mul', 'f64x2_add').set(kicked);
    loop.load(position);
    loop.load(inverseMass).get(whole).op('f64x2_mul').get(kicked).op('f64x2_mul', 'f64x2_add').set(moved);
    loop.store(newMomentum, kicked);
    loop.store(newPosition, moved);
  });
  return loop.builder;
}

/** p ← p + ε/2 ∇; returns Σ m⁻¹ p². */
export function kick(): FunctionBuilder {
  const [momentum, gradient, inverseMass, , stepSize] = [0, 1, 2, 3, 4];
  const loop = new VectorLoop(3, ['f64'], ['f64']);
  const [half, kicked, velocity, twice] = [loop.variable(), loop.variable(), loop.variable(), loop.variable()];
  splatStep(loop, stepSize, 0.5, half);
  loop.forEachPair(() => {
    loop.load(momentum);
    loop.load(gradient).get(half).op('f64x2_mul', 'f64x2_add').set(kicked);
    loop.store(momentum, kicked);
    loop.load(inverseMass).get(kicked).op('f64x2_mul').set(velocity);
    loop.accumulate(twice, velocity, kicked);
  });
  loop.lanesOf(twice);
  return loop.builder;
}

/** total = first + last, and two products. */
export function turningOfPair(): FunctionBuilder {
  const [first, last, inverseMass, total, , results] = [0, 1, 2, 3, 4, 5];
  const loop = new VectorLoop(4, ['i32']);
  const [begin, end, joined, velocity] = [loop.variable(), loop.variable(), loop.variable(), loop.variable()];
  const [atFirst, atLast] = [loop.variable(), loop.variable()];
  loop.forEachPair(() => {
    loop.load(first).set(begin);
    loop.load(last).set(end);
    loop.code.get(begin).get(end).op('f64x2_add').set(joined);
    loop.store(total, joined);
    loop.load(inverseMass).get(joined).op('f64x2_mul').set(velocity);
    loop.accumulate(atFirst, begin, velocity);
    loop.accumulate(atLast, end, velocity);
  });
  loop.storeSums(results, [atFirst, atLast]);
  return loop.builder;
}

/** total = leftSum + rightSum, and six products. */
export function turningOfStretches(): FunctionBuilder {
  const [leftBegin, leftEnd, leftSum, rightBegin, rightEnd, rightSum, inverseMass, total, , results] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
  ];
  const loop = new VectorLoop(8, ['i32']);
  const [before, after, begin, beforeJoin, afterJoin, end] = Array.from({ length: 6 }, () => loop.variable());
  const [inverse, joined, velocity] = Array.from({ length: 3 }, () => loop.variable());
  const sums = Array.from({ length: 6 }, () => loop.variable());
  /** velocity = m⁻¹ (a + b), and its products with the momenta at two ends. */
  const addProducts = (a: number, b: number, ends: readonly [number, number], first: number): void => {
    loop.code.get(a).get(b).op('f64x2_add').tee(joined).get(inverse).op('f64x2_mul').set(velocity);
    ends.forEach((momentum, i) => loop.accumulate(sums[first + i], momentum, velocity));
  };
  loop.forEachPair(() => {
    loop.load(leftSum).set(before);
    loop.load(rightSum).set(after);
    loop.load(leftBegin).set(begin);
    loop.load(leftEnd).set(beforeJoin);
    loop.load(rightBegin).set(afterJoin);
    loop.load(rightEnd).set(end);
    loop.load(inverseMass).set(inverse);
    addProducts(before, after, [begin, end], 0);
    loop.store(total, joined);
    addProducts(before, afterJoin, [begin, afterJoin], 2);
    addProducts(after, beforeJoin, [beforeJoin, end], 4);
  });
  loop.storeSums(results, sums);
  return loop.builder;
}

/** Copies doubles between strides. */
export function copy(): FunctionBuilder {
  const [source, sourceStride, target, targetStride, length] = [0, 1, 2, 3, 4];
  const builder = new FunctionBuilder(['i32', 'i32', 'i32', 'i32', 'i32'], []);
  const { body } = builder;
  body.loop();
  body.get(target).get(source).mem('f64_load', 0).mem('f64_store', 0);
  body.get(source).get(sourceStride).op('i32_add').set(source);
  body.get(target).get(targetStride).op('i32_add').set(target);
  body.get(length).i32Const(1).op('i32_sub').tee(length).branchIf(0).op('end');
  return builder;
}

/** p ← p/√m⁻¹ where m⁻¹ is above 0; returns Σ m⁻¹ p². */
export function shapeMomentum(): FunctionBuilder {
  const [momentum, inverseMass] = [0, 1];
  const loop = new VectorLoop(2, [], ['f64']);
  const [inverse, shaped, twice] = [loop.variable(), loop.variable(), loop.variable()];
  loop.forEachPair(() => {
    loop.load(inverseMass).set(inverse);
    loop.load(momentum).get(inverse).op('f64x2_sqrt', 'f64x2_div');
    loop.load(momentum).get(inverse).f64x2Const(0).op('f64x2_gt', 'v128_bitselect').set(shaped);
    loop.store(momentum, shaped);
    loop.code.get(inverse).get(shaped).op('f64x2_mul').set(inverse);
    loop.accumulate(twice, inverse, shaped);
  });
  loop.lanesOf(twice);
  return loop.builder;
}
