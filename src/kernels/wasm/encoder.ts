// A small WebAssembly binary encoder: instruction buffers, functions with locals, and one module per compiled program.

import {
  memory,
  type MemoryInstruction,
  plain,
  type PlainInstruction,
  type ValueType,
  valueType,
} from './instructions.js';

function unsignedLeb(value: number, out: number[]): void {
  let rest = value >>> 0;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    out.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
}

function signedLeb(value: number, out: number[]): void {
  let rest = value;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
      out.push(byte);
      return;
    }
    out.push(byte | 0x80);
  }
}

function signedLongLeb(value: bigint, out: number[]): void {
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
    signedLeb(value | 0, this.bytes);
    return this;
  }

  i64Const(value: bigint): this {
    this.bytes.push(0x42);
    signedLongLeb(BigInt.asIntN(64, value), this.bytes);
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

  /** A v128 of four 32-bit integers. */
  i32x4Const(...values: readonly [number, number, number, number]): this {
    this.bytes.push(0xfd, 0x0c);
    for (const value of values) for (let byte = 0; byte < 4; byte++) this.bytes.push((value >>> (8 * byte)) & 0xff);
    return this;
  }

  /** Four 32-bit words picked from two vectors: 0 … 3 of the lower one on the stack, 4 … 7 of the upper. */
  shuffleWords(...words: readonly [number, number, number, number]): this {
    this.bytes.push(0xfd, 0x0d);
    for (const word of words) for (let byte = 0; byte < 4; byte++) this.bytes.push(4 * word + byte);
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

  /** The function's entry of the code section, without its length, in pieces. */
  encode(): Bytes[] {
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
    return [out, this.body.bytes, [0x0b]];
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
    const codeEntries = this.functions.flatMap((f) => {
      const body = f.encode();
      const size: number[] = [];
      unsignedLeb(totalLength(body), size);
      return [size, ...body];
    });

    const out: Bytes[] = [[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]];
    pushSection(1, types, out);
    pushSection(2, importEntries, out);
    pushSection(3, functionEntries, out);
    const constantEntries = [...this.constants.keys()].map((key) => {
      const initial = key.split(',').map(Number);
      return [valueType.v128, 0x00, ...initial, 0x0b];
    });
    pushSection(6, constantEntries, out);
    pushSection(7, exportEntries, out);
    pushSection(10, codeEntries, out, this.functions.length);
    return joined(out);
  }
}

function pushName(name: string, out: number[]): void {
  const bytes = new TextEncoder().encode(name);
  unsignedLeb(bytes.length, out);
  for (const byte of bytes) out.push(byte);
}

/** Bytes of a part of a module; long parts are copied once, when all are joined. */
type Bytes = readonly number[];

function pushSection(id: number, parts: readonly Bytes[], out: Bytes[], entries = parts.length): void {
  if (entries === 0) return;
  const count: number[] = [];
  unsignedLeb(entries, count);
  const head = [id];
  unsignedLeb(count.length + totalLength(parts), head);
  out.push(head, count);
  for (const part of parts) out.push(part);
}

function totalLength(parts: readonly Bytes[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function joined(parts: readonly Bytes[]): Uint8Array {
  const all = new Uint8Array(totalLength(parts));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
