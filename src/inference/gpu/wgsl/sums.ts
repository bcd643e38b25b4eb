// Sums in WGSL: two-float arithmetic that compilers leave alone, and partial sums of threads or of workgroups.
import { workgroupSize } from '../layout.js';

/**
 * A sum is a pair (high, low). Its error terms are exact only when the compiler neither reassociates nor contracts, which
 * WGSL allows it to do; so every intermediate result passes through integers that it cannot see through.
 * Knuth's two-sum (TAOCP 2, §4.2.2, theorem B); accumulation as in Neumaier (1974).
 */
export const twoFloat = `
/** 0, which \`main\` takes from memory before it adds anything up. */
var<private> zero: u32;

fn opaque(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ zero); }

fn twoSum(a: f32, b: f32) -> vec2f {
  let sum = opaque(a + b);
  let bRounded = opaque(sum - a);
  let aRounded = opaque(sum - bRounded);
  return vec2f(sum, opaque(a - aRounded) + opaque(b - bRounded));
}

fn accumulate(total: vec2f, x: f32) -> vec2f {
  let sum = twoSum(total.x, opaque(x));
  return vec2f(sum.x, opaque(total.y + sum.y));
}

fn addPairs(a: vec2f, b: vec2f) -> vec2f {
  let sum = twoSum(a.x, b.x);
  return vec2f(sum.x, opaque(sum.y + opaque(a.y + b.y)));
}
`;

/** Whose sums are stored as the partial sums of a scalar. */
export type PartialSums = 'thread' | 'workgroup';

/**
 * `storeSums(sums, scalar, group, thread)`: stores the sums of `count` quantities, for consecutive scalars, as partial sums number
 * `group`; to be called by all threads, once. Workgroups add their threads' up in two steps of eight; threads that
 * store their own need no barrier, which matters where a GPU is imitated and vectors are short.
 */
export function storeSums(whose: PartialSums, count: number): string {
  if (whose === 'thread') {
    return `
fn storeSums(sums: array<vec2f, ${count}>, scalar: u32, group: u32, thread: u32) {
  if (thread >= header.parts) { return; }
  for (var k = 0u; k < ${count}u; k++) {
    partials[(scalar + k) * header.partialCount + group * header.parts + thread] = sums[k];
  }
}`;
  }
  return `
/** \`[quantity][thread]\` */
var<workgroup> threadSums: array<vec2f, ${count * workgroupSize}>;

fn sumOfEight(first: u32, stride: u32) -> vec2f {
  var sum = threadSums[first];
  for (var k = 1u; k < 8u; k++) { sum = addPairs(sum, threadSums[first + k * stride]); }
  return sum;
}

fn storeSums(sums: array<vec2f, ${count}>, scalar: u32, group: u32, thread: u32) {
  for (var k = 0u; k < ${count}u; k++) { threadSums[k * THREADS + thread] = sums[k]; }
  workgroupBarrier();
  if (thread < ${8 * count}u) { threadSums[8u * thread] = sumOfEight(8u * thread, 1u); }
  workgroupBarrier();
  if (thread < ${count}u) { partials[(scalar + thread) * header.partialCount + group] = sumOfEight(THREADS * thread, 8u); }
}`;
}

/** `emptyBlockSums(scalar, count, thread)`: for sums that take the dense block in with the rest, its own partial sums are empty. */
export const emptyBlockSums = `
fn emptyBlockSums(scalar: u32, count: u32, thread: u32) {
  let first = header.chunks * header.parts;
  for (var k = 0u; k < count; k++) {
    for (var part = first + thread; part < header.partialCount; part += THREADS) {
      partials[(scalar + k) * header.partialCount + part] = vec2f();
    }
  }
}`;
