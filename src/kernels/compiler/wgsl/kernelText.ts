// Pieces of WGSL text, and a note of what a kernel's text touches.
import type { MathName } from '../../webgpu/math/mathSource.js';
import type { ReduceFunction } from '../../program/tensorProgram.js';
import type { DeviceColumn } from './wgslMemory.js';

/** What a kernel touches: which buffers it needs bound, which functions declared. */
export class KernelUses {
  readonly lanePages = new Set<number>();
  readonly dataPages = new Set<number>();
  readonly sharedMath = new Set<MathName>();
  readonly laneMath = new Set<MathName>();
  /** Columns that are split over pages: read through a function of their own. */
  readonly splitColumns = new Map<string, DeviceColumn>();
  /** Bytes of every array touched, once each. */
  readonly bytes = new Map<string, number>();
  parameters = false;
  /** Needs the uniform that is zero at run time. */
  zero = false;
}

/** Text of reading a part of a column: an i32, or for f32 columns an f32. */
export function storedWord({ parts, storage }: DeviceColumn, part: number, position: string): string {
  const { page, start, from } = parts[part];
  const at = from === 0 ? position : `(${position}) - ${from}`;
  switch (storage) {
    case 'f32':
      return `bitcast<f32>(data${page}[${start} + ${at}])`;
    case 'i32':
      return `bitcast<i32>(data${page}[${start} + ${at}])`;
    case 'u16':
      return `i32((data${page}[${start} + ((${at}) >> 1u)] >> u32(((${at}) & 1) << 4u)) & 0xffffu)`;
    case 'u8':
      return `i32((data${page}[${start} + ((${at}) >> 2u)] >> u32(((${at}) & 3) << 3u)) & 0xffu)`;
    default:
      throw new Error(storage satisfies never);
  }
}

/** Two numbers of a reduction, joined. */
export function joined(fn: ReduceFunction, a: string, b: string): string {
  if (fn === 'sum') return `${a} + ${b}`;
  return fn === 'prod' ? `${a} * ${b}` : `${fn}(${a}, ${b})`;
}

/** Largest f32 in place of infinity, where a reduction starts. */
export function finite(value: number): number {
  const largest = 3.4028234663852886e38;
  return Math.max(-largest, Math.min(largest, value));
}
