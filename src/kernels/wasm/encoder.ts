// A small WebAssembly binary encoder: instruction buffers, functions with locals, and one module per compiled program.

/** Value types of WebAssembly 1.0 with SIMD; the number is the type's byte in the binary format. */
export const valueType = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = keyof typeof valueType;

/** Instructions without immediates, by their names in the specification (dots written as underscores). */
const plain = {
  unreachable: [0x00],
  else: [0x05],
  end: [0x0b],
  return: [0x0f],
  drop: [0x1a],
  select: [0x1b],
  i32_eqz: [0x45],
  i32_eq: [0x46],
  i32_ne: [0x47],
  i32_lt_s: [0x48],
  i32_lt_u: [0x49],
  i32_gt_s: [0x4a],
  i32_gt_u: [0x4b],
  i32_le_s: [0x4c],
  i32_ge_s: [0x4e],
  i32_ge_u: [0x4f],
  f64_eq: [0x61],
  f64_ne: [0x62],
  f64_lt: [0x63],
  f64_gt: [0x64],
  f64_le: [0x65],
  f64_ge: [0x66],
  i32_add: [0x6a],
  i32_sub: [0x6b],
  i32_mul: [0x6c],
  i32_div_u: [0x6e],
  i32_rem_u: [0x70],
  i32_and: [0x71],
  i32_or: [0x72],
  i32_xor: [0x73],
  i32_shl: [0x74],
  i32_shr_u: [0x76],
  i64_add: [0x7c],
  i64_sub: [0x7d],
  i64_shl: [0x86],
  i64_shr_u: [0x88],
  f64_abs: [0x99],
  f64_neg: [0x9a],
  f64_ceil: [0x9b],
  f64_floor: [0x9c],
  f64_trunc: [0x9d],
  f64_nearest: [0x9e],
  f64_sqrt: [0x9f],
  f64_add: [0xa0],
  f64_sub: [0xa1],
  f64_mul: [0xa2],
  f64_div: [0xa3],
  f64_min: [0xa4],
  f64_max: [0xa5],
  f64_convert_i32_s: [0xb7],
  f64_promote_f32: [0xbb],
  i64_reinterpret_f64: [0xbd],
  f64_reinterpret_i64: [0xbf],
  i32_trunc_sat_f64_s: [0xfc, 0x02],
  i8x16_swizzle: [0xfd, 0x0e],
  f32x4_splat: [0xfd, 0x13],
  f64x2_splat: [0xfd, 0x14],
  i64x2_splat: [0xfd, 0x12],
  i32x4_splat: [0xfd, 0x11],
  f64x2_eq: [0xfd, 0x47],
  f64x2_ne: [0xfd, 0x48],
  f64x2_lt: [0xfd, 0x49],
  f64x2_gt: [0xfd, 0x4a],
  f64x2_le: [0xfd, 0x4b],
  f64x2_ge: [0xfd, 0x4c],
  v128_not: [0xfd, 0x4d],
  v128_and: [0xfd, 0x4e],
  v128_andnot: [0xfd, 0x4f],
  v128_or: [0xfd, 0x50],
  v128_xor: [0xfd, 0x51],
  v128_bitselect: [0xfd, 0x52],
  v128_any_true: [0xfd, 0x53],
  f64x2_ceil: [0xfd, 0x74],
  f64x2_floor: [0xfd, 0x75],
  f64x2_trunc: [0xfd, 0x7a],
  f64x2_nearest: [0xfd, 0x94, 0x01],
  i32x4_all_true: [0xfd, 0xa3, 0x01],
  i32x4_add: [0xfd, 0xae, 0x01],
  i32x4_sub: [0xfd, 0xb1, 0x01],
  i64x2_neg: [0xfd, 0xc1, 0x01],
  i64x2_all_true: [0xfd, 0xc3, 0x01],
  i64x2_extend_low_i32x4_s: [0xfd, 0xc7, 0x01],
  i64x2_shl: [0xfd, 0xcb, 0x01],
  i64x2_shr_s: [0xfd, 0xcc, 0x01],
  i64x2_shr_u: [0xfd, 0xcd, 0x01],
  i64x2_add: [0xfd, 0xce, 0x01],
  i64x2_sub: [0xfd, 0xd1, 0x01],
  i64x2_eq: [0xfd, 0xd6, 0x01],
  f64x2_abs: [0xfd, 0xec, 0x01],
  f64x2_neg: [0xfd, 0xed, 0x01],
  f64x2_sqrt: [0xfd, 0xef, 0x01],
  f64x2_add: [0xfd, 0xf0, 0x01],
  f64x2_sub: [0xfd, 0xf1, 0x01],
  f64x2_mul: [0xfd, 0xf2, 0x01],
  f64x2_div: [0xfd, 0xf3, 0x01],
  f64x2_min: [0xfd, 0xf4, 0x01],
  f64x2_max: [0xfd, 0xf5, 0x01],
  f64x2_pmin: [0xfd, 0xf6, 0x01],
  f64x2_pmax: [0xfd, 0xf7, 0x01],
  i32x4_trunc_sat_f64x2_s_zero: [0xfd, 0xfc, 0x01],
  f64x2_convert_low_i32x4_s: [0xfd, 0xfe, 0x01],
} as const satisfies Record<string, readonly number[]>;
export type PlainInstruction = keyof typeof plain;

/** Loads and stores: opcode bytes and log2 of the natural alignment in bytes. */
const memory = {
  i32_load: [[0x28], 2],
  f32_load: [[0x2a], 2],
  f64_load: [[0x2b], 3],
  i32_load8_u: [[0x2d], 0],
  i32_load16_u: [[0x2f], 1],
  i32_store: [[0x36], 2],
  f64_store: [[0x39], 3],
  v128_load: [[0xfd, 0x00], 4],
  v128_load64_splat: [[0xfd, 0x0a], 3],
  v128_store: [[0xfd, 0x0b], 4],
} as const satisfies Record<string, readonly [readonly number[], number]>;
export type MemoryInstruction = keyof typeof memory;

function unsignedLeb(value: number, out: number[]): void {
  let rest = value >>> 0;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    out.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
}

function signedLeb(value: bigint, out: number[]): void {
  let rest = value;
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0)) {
      out.push(byte);
      return;
    }
    out.push(byte | 0x80);
  }
}

const doubleBytes = new Uint8Array(8);
const doubleView = new DataView(doubleBytes.buffer);

function pushDouble(value: number, out: number[]): void {
  doubleView.setFloat64(0, value, true);
  for (const byte of doubleBytes) out.push(byte);
}

function pushAll(out: number[], bytes: readonly number[]): void {
  for (let i = 0; i < bytes.length; i++) out.push(bytes[i]);
}

/** A buffer of instructions. Buffers can be filled out of order and appended to one another, so a loop body may still hoist
 *  work into the code that precedes the loop. Every method returns the buffer, for chaining. */
export class Code {
  readonly bytes: number[] = [];

  op(...names: PlainInstruction[]): this {
    for (const name of names) pushAll(this.bytes, plain[name]);
    return this;
  }

  i32Const(value: number): this {
    this.bytes.push(0x41);
    signedLeb(BigInt(value | 0), this.bytes);
    return this;
  }

  i64Const(value: bigint): this {
    this.bytes.push(0x42);
    signedLeb(BigInt.asIntN(64, value), this.bytes);
    return this;
  }

  f64Const(value: number): this {
    this.bytes.push(0x44);
    pushDouble(value, this.bytes);
    return this;
  }

  /** A v128 with the same f64 in both lanes. */
  f64x2Const(value: number): this {
    this.bytes.push(0xfd, 0x0c);
    pushDouble(value, this.bytes);
    pushDouble(value, this.bytes);
    return this;
  }

  /** A v128 with the same 64-bit integer in both lanes. */
  i64x2Const(value: bigint): this {
    this.bytes.push(0xfd, 0x0c);
    doubleView.setBigInt64(0, BigInt.asIntN(64, value), true);
    for (let lane = 0; lane < 2; lane++) for (const byte of doubleBytes) this.bytes.push(byte);
    return this;
  }

  get(local: number): this {
    this.bytes.push(0x20);
    unsignedLeb(local, this.bytes);
    return this;
  }

  set(local: number): this {
    this.bytes.push(0x21);
    unsignedLeb(local, this.bytes);
    return this;
  }

  tee(local: number): this {
    this.bytes.push(0x22);
    unsignedLeb(local, this.bytes);
    return this;
  }

  /** Pushes a global: for v128 constants cheaper than an instruction that holds them. */
  getGlobal(index: number): this {
    this.bytes.push(0x23);
    unsignedLeb(index, this.bytes);
    return this;
  }

  call(functionIndex: number): this {
    this.bytes.push(0x10);
    unsignedLeb(functionIndex, this.bytes);
    return this;
  }

  /** A load or store at the address on the stack plus `offset` bytes. */
  mem(name: MemoryInstruction, offset: number): this {
    const [opcode, alignment] = memory[name];
    pushAll(this.bytes, opcode);
    // Data of odd byte lengths may precede an array, so the alignment hint promises nothing for vectors.
    unsignedLeb(Math.min(3, alignment), this.bytes);
    unsignedLeb(offset, this.bytes);
    return this;
  }

  extractLane(lane: 0 | 1): this {
    this.bytes.push(0xfd, 0x21, lane);
    return this;
  }

  replaceLane(lane: 0 | 1): this {
    this.bytes.push(0xfd, 0x22, lane);
    return this;
  }

  block(): this {
    this.bytes.push(0x02, 0x40);
    return this;
  }

  loop(): this {
    this.bytes.push(0x03, 0x40);
    return this;
  }

  if(): this {
    this.bytes.push(0x04, 0x40);
    return this;
  }

  branch(depth: number): this {
    this.bytes.push(0x0c);
    unsignedLeb(depth, this.bytes);
    return this;
  }

  branchIf(depth: number): this {
    this.bytes.push(0x0d);
    unsignedLeb(depth, this.bytes);
    return this;
  }

  append(code: Code): this {
    pushAll(this.bytes, code.bytes);
    return this;
  }
}

/** One function: its parameters are locals 0 … n−1, further locals come from `local`. */
export class FunctionBuilder {
  readonly body = new Code();
  private readonly locals: ValueType[] = [];

  constructor(
    readonly parameters: readonly ValueType[],
    readonly results: readonly ValueType[],
  ) {}

  local(type: ValueType): number {
    this.locals.push(type);
    return this.parameters.length + this.locals.length - 1;
  }

  /** The function's entry of the code section, without its length. */
  encode(): number[] {
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const out: number[] = [];
    unsignedLeb(runs.length, out);
    for (const run of runs) {
      unsignedLeb(run.count, out);
      out.push(valueType[run.type]);
    }
    pushAll(out, this.body.bytes);
    out.push(0x0b);
    return out;
  }
}

interface ImportedFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A module with one imported memory (`env.memory`), imported functions (`env.<name>`) and exported functions. */
export class ModuleBuilder {
  private readonly imports: ImportedFunction[] = [];
  private readonly functions: FunctionBuilder[] = [];
  private readonly exports: { name: string; index: number }[] = [];
  /** Index of each constant by its bytes. */
  private readonly constants = new Map<string, number>();

  /** Must precede every `addFunction`, because imported functions come first in the index space. */
  importFunction(name: string, parameters: readonly ValueType[], results: readonly ValueType[]): number {
    if (this.functions.length > 0) throw new Error('imports must be declared before functions');
    this.imports.push({ name, parameters, results });
    return this.imports.length - 1;
  }

  addFunction(builder: FunctionBuilder, exportName?: string): number {
    this.functions.push(builder);
    const index = this.imports.length + this.functions.length - 1;
    if (exportName !== undefined) this.exports.push({ name: exportName, index });
    return index;
  }

  /** Index of an immutable v128 global with the same number, or the same 64 bits, in both lanes. */
  constant(value: number | bigint): number {
    const code = new Code();
    if (typeof value === 'number') code.f64x2Const(value);
    else code.i64x2Const(value);
    const key = code.bytes.join();
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    this.constants.set(key, this.constants.size);
    return this.constants.size - 1;
  }

  /** The binary module. `pages` (64 KiB each) are the limits of the imported memory; `shared` asks for shared memory. */
  encode(memoryLimits: { readonly minimum: number; readonly maximum: number; readonly shared: boolean }): Uint8Array {
    const signatures = new Map<string, number>();
    const types: number[][] = [];
    const signature = (f: { parameters: readonly ValueType[]; results: readonly ValueType[] }): number => {
      const key = `${f.parameters.join()}>${f.results.join()}`;
      const known = signatures.get(key);
      if (known !== undefined) return known;
      const bytes = [0x60];
      for (const list of [f.parameters, f.results]) {
        unsignedLeb(list.length, bytes);
        for (const type of list) bytes.push(valueType[type]);
      }
      types.push(bytes);
      signatures.set(key, types.length - 1);
      return types.length - 1;
    };

    const importEntries: number[][] = this.imports.map((f) => {
      const bytes: number[] = [];
      pushName('env', bytes);
      pushName(f.name, bytes);
      bytes.push(0x00);
      unsignedLeb(signature(f), bytes);
      return bytes;
    });
    const memoryImport: number[] = [];
    pushName('env', memoryImport);
    pushName('memory', memoryImport);
    memoryImport.push(0x02, memoryLimits.shared ? 0x03 : 0x01);
    unsignedLeb(memoryLimits.minimum, memoryImport);
    unsignedLeb(memoryLimits.maximum, memoryImport);
    importEntries.push(memoryImport);

    const functionEntries = this.functions.map((f) => {
      const bytes: number[] = [];
      unsignedLeb(signature(f), bytes);
      return bytes;
    });
    const exportEntries = this.exports.map(({ name, index }) => {
      const bytes: number[] = [];
      pushName(name, bytes);
      bytes.push(0x00);
      unsignedLeb(index, bytes);
      return bytes;
    });
    const codeEntries = this.functions.map((f) => {
      const body = f.encode();
      const bytes: number[] = [];
      unsignedLeb(body.length, bytes);
      pushAll(bytes, body);
      return bytes;
    });

    const out: number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
    pushSection(1, types, out);
    pushSection(2, importEntries, out);
    pushSection(3, functionEntries, out);
    const constantEntries = [...this.constants.keys()].map((key) => {
      const initial = key.split(',').map(Number);
      return [valueType.v128, 0x00, ...initial, 0x0b];
    });
    pushSection(6, constantEntries, out);
    pushSection(7, exportEntries, out);
    pushSection(10, codeEntries, out);
    return Uint8Array.from(out);
  }
}

function pushName(name: string, out: number[]): void {
  const bytes = new TextEncoder().encode(name);
  unsignedLeb(bytes.length, out);
  for (const byte of bytes) out.push(byte);
}

function pushSection(id: number, entries: readonly (readonly number[])[], out: number[]): void {
  if (entries.length === 0) return;
  const body: number[] = [];
  unsignedLeb(entries.length, body);
  for (const entry of entries) pushAll(body, entry);
  out.push(id);
  unsignedLeb(body.length, out);
  pushAll(out, body);
}
