// Assigns addresses in the linear memory of a compiled program and picks how each data column is stored.
import { sizeOf, type Shape } from '../program/tensorProgram.js';

/** An array of the data set: row-major, any numeric typed array. */
export interface DataArray {
  readonly shape: Shape;
  readonly values: ArrayLike<number>;
}

export const storageBytes = { u8: 1, u16: 2, i32: 4, f32: 4, f64: 8 } as const;
export type Storage = keyof typeof storageBytes;

/** A run of equally typed numbers in memory. */
export interface StoredColumn {
  readonly base: number;
  readonly storage: Storage;
  readonly length: number;
}

/** One that is to be copied there when the program is bound. */
export interface StoredArray extends StoredColumn {
  /** Writes the numbers to a view of the memory at `base`. */
  readonly fill: (memory: ArrayBufferLike) => void;
}

/** A data column as the generated code sees it: a literal, or numbers at an address. */
export type Column = { readonly constant: number } | StoredColumn;

/**
 * Rows from which columns are stored as narrowly as they can be. f64 is read straight into both lanes: the three-level
 * gradient with two 0/1 predictors takes 0.90 (10⁵ rows) to 0.86 (10⁶ rows) of the time that it takes with bytes.
 */
const longColumn = 2 ** 22;

const memoryLimit = 2 ** 32 - 65536;

/** What a memory holds already: its columns by key, and where it ends. */
export interface StoredColumns {
  readonly columns: ReadonlyMap<string, Column>;
  readonly bytes: number;
}

export class MemoryLayout {
  private next: number;
  private readonly stored: StoredArray[] = [];
  readonly columns: Map<string, Column>;

  /**
   * @param precision `single` stores real columns as f32, halving the memory they take and rounding them
   * @param before what the memory holds already, whose columns are not stored again; address 0 is left free, so that no array starts there
   */
  constructor(
    private readonly precision: 'double' | 'single',
    before: StoredColumns = { columns: new Map(), bytes: 64 },
  ) {
    this.next = before.bytes;
    this.columns = new Map(before.columns);
  }

  get bytes(): number {
    return this.next;
  }

  /** Arrays that are to be filled: those that the memory did not hold before. */
  get arrays(): readonly StoredArray[] {
    return this.stored;
  }

  /** Reserves `bytes` aligned to 16. */
  reserve(bytes: number): number {
    const base = Math.ceil(this.next / 16) * 16;
    this.next = base + bytes;
    if (this.next > memoryLimit)
      throw new Error(`the program needs more than 4 GiB of memory (${(this.next / 2 ** 30).toFixed(1)} GiB)`);
    return base;
  }

  /** Numbers start, start + step, … (`length` of them) of `array`, stored once per `key`. */
  column(key: string, array: DataArray, start: number, step: number, length: number): Column {
    const known = this.columns.get(key);
    if (known !== undefined) return known;
    const column = this.store(array.values, start, step, length);
    this.columns.set(key, column);
    return column;
  }

  /** All numbers of an array of indices, as integers. */
  indices(key: string, array: DataArray): Column {
    const known = this.columns.get(key);
    if (known !== undefined) return known;
    const { constant, integers } = inspect(array.values, 0, 1, array.values.length);
    const column =
      constant === undefined ? this.place(integers ?? 'i32', array.values.length, array.values, 0, 1) : { constant };
    this.columns.set(key, column);
    return column;
  }

  /** i32 numbers the generated code needs, such as row ranges. */
  integers(values: Int32Array): StoredColumn {
    return this.place('i32', values.length, values, 0, 1);
  }

  private store(values: ArrayLike<number>, start: number, step: number, length: number): Column {
    const storage = this.chooseStorage(values, start, step, length);
    return typeof storage === 'number' ? { constant: storage } : this.place(storage, length, values, start, step);
  }

  /** A number when all are equal; f64 for columns of usual length; else the narrowest type that holds every number exactly. */
  private chooseStorage(values: ArrayLike<number>, start: number, step: number, length: number): Storage | number {
    const isLong = length > longColumn;
    const { constant, integers, isSingle } = inspect(values, start, step, length);
    if (constant !== undefined) return constant;
    if (integers !== undefined && (isLong || this.precision === 'single')) return integers;
    return this.precision === 'single' || (isSingle && isLong) ? 'f32' : 'f64';
  }

  private place(
    storage: Storage,
    length: number,
    values: ArrayLike<number>,
    start: number,
    step: number,
  ): StoredColumn {
    const base = this.reserve(length * storageBytes[storage]);
    const column = { base, storage, length };
    const fill = (memory: ArrayBufferLike): void => {
      const target = viewOf(memory, base, storage, length);
      for (let i = 0, at = start; i < length; i++, at += step) target[i] = values[at];
    };
    this.stored.push({ ...column, fill });
    // Without what fills it, which holds the numbers.
    return column;
  }
}

/** Whether numbers are all equal, all integers (and the narrowest type for them), or all exact as f32. */
export function inspect(
  values: ArrayLike<number>,
  start: number,
  step: number,
  length: number,
): { readonly constant?: number; readonly integers?: 'u8' | 'u16' | 'i32'; readonly isSingle: boolean } {
  let isInteger = true;
  let isSingle = true;
  let isConstant = true;
  let min = Infinity;
  let max = -Infinity;
  const first = values[start];
  for (let i = 0, at = start; i < length; i++, at += step) {
    const value = values[at];
    if (value !== first) isConstant = false;
    if (isInteger && (value !== Math.trunc(value) || Object.is(value, -0))) isInteger = false;
    if (isSingle && Math.fround(value) !== value) isSingle = false;
    if (!isInteger && !isSingle && !isConstant) break;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  if (isConstant && length > 0 && !Number.isNaN(first)) return { constant: first, isSingle };
  if (!isInteger || min < -(2 ** 31) || max >= 2 ** 31) return { isSingle };
  const unsigned = max < 2 ** 8 ? 'u8' : max < 2 ** 16 ? 'u16' : 'i32';
  return { integers: min >= 0 ? unsigned : 'i32', isSingle };
}

/** How a column is stored in single precision: a constant, or the narrowest type that holds integers, else f32. */
export function columnOf(
  values: ArrayLike<number>,
  start: number,
  step: number,
  length: number,
): { readonly constant: number } | { readonly storage: Exclude<Storage, 'f64'> } {
  const { constant, integers } = inspect(values, start, step, length);
  return constant !== undefined ? { constant } : { storage: integers ?? 'f32' };
}

function viewOf(memory: ArrayBufferLike, base: number, storage: Storage, length: number) {
  switch (storage) {
    case 'u8':
      return new Uint8Array(memory, base, length);
    case 'u16':
      return new Uint16Array(memory, base, length);
    case 'i32':
      return new Int32Array(memory, base, length);
    case 'f32':
      return new Float32Array(memory, base, length);
    case 'f64':
      return new Float64Array(memory, base, length);
    default:
      throw new Error(storage satisfies never);
  }
}

/** Checks that a data array has as many numbers as its shape says. */
export function checkDataArray(name: string, array: DataArray, shape: Shape): void {
  if (array.values.length !== sizeOf(shape)) {
    throw new Error(`data ${name}: ${array.values.length} numbers for shape [${shape.join(', ')}]`);
  }
}
