// A compiled program bound to its memory: write the parameters, run, read the outputs.
import { type Call, type CompiledProgram, type CopyStep, maxMemoryPages } from '../compiler/compile.js';
import type { StoredColumns } from '../compiler/memoryLayout.js';
import type { Companion } from '../device.js';
import { askToQuit, isShareable, newControl, shareCall, TaskRunner, type WorkerSetup } from './tasks.js';

/** Threads that serve a program; `stop` resolves when all have ended. */
export interface Threads {
  stop(): Promise<void>;
}

/** Starts further threads and resolves when they serve; the device's caller supplies it where threads exist. */
export type StartThreads = (count: number, setup: WorkerSetup) => Promise<Threads>;

/** All that an executable needs besides its memory: the compiled program without its code and its data. */
type BoundProgram = Omit<CompiledProgram, 'bytes' | 'arrays' | 'columns'>;

/** A bound program as another thread can take it over (structured clone): its memory is copied, nothing is compiled again. */
export interface PortableProgram {
  readonly module: WebAssembly.Module;
  /** Shared memory that holds data and what was computed from them. */
  readonly memory: WebAssembly.Memory;
  readonly program: BoundProgram;
}

/** Vector operations below which a call is not worth offering to other threads: about 10 µs. */
const minSharedWork = 65_536;

export class CpuExecutable {
  /** Chains, rounded up to whole vectors: the stride of every `[element][lane]` array. */
  readonly lanes: number;
  /** All parameters one after another, `[element][lane]`. */
  readonly parameters: Float64Array;
  readonly memoryBytes: number;
  private readonly groups: number;
  /** Whether each call may be shared among threads. */
  private readonly shared: readonly boolean[];
  private threads: Promise<Threads> | undefined;
  private threadFailure: Error | undefined;

  private readonly runner: TaskRunner;
  private readonly setup: WorkerSetup;
  /** Carries out all tasks of the companion; absent where there is none. */
  readonly runCompanion?: (argument: number) => void;

  private constructor(
    readonly portable: PortableProgram,
    private readonly columns: StoredColumns['columns'],
    threads: number,
    companion?: Companion,
  ) {
    const { module, memory, program } = portable;
    this.lanes = program.lanes;
    this.memoryBytes = program.ownBytes;
    this.groups = program.lanes / program.lanesPerCall;
    const calls = program.perEvaluation.map(({ functionName, bounds }) => shareCall(functionName, bounds, this.groups));
    const control = newControl(threads);
    if (companion) calls.push(shareCall(companion.functionName, companion.bounds, 1));
    const bytesPerGroup = program.lanesPerCall * 8;
    this.setup = { module, memory, control, calls, bytesPerGroup, threads, companion: companion?.module };
    this.runner = new TaskRunner(this.setup);
    if (companion) this.runCompanion = (argument) => this.runTasks(companion.bounds, argument);
    this.shared = program.perEvaluation.map(
      ({ work }, i) => isShareable(i, calls[i]) && work * this.groups >= minSharedWork,
    );
    const { base, size } = program.parameters;
    this.parameters = new Float64Array(memory.buffer, base, size * this.lanes);
  }

  /** What a program is compiled with that is to lie in this one's memory. */
  get stored(): StoredColumns {
    return { columns: this.columns, bytes: this.portable.memory.buffer.byteLength };
  }

  /**
   * Allocates the memory, copies the data in and computes what depends on data alone. Begins to start `threads` − 1 further
   * threads where the program has work for them, without waiting: until they serve, `run` works alone, with the same results.
   * @param beside whose memory the program was compiled for
   */
  static async create(
    compiled: CompiledProgram,
    threads: number,
    start?: StartThreads,
    { companion, beside }: { readonly companion?: Companion; readonly beside?: CpuExecutable } = {},
  ): Promise<CpuExecutable> {
    const { bytes, arrays, columns, ...program } = compiled;
    // Before anything is waited for: another program may be compiled for the same memory next.
    const memory = beside === undefined ? allocate(program) : beside.grow(program);
    const module = await WebAssembly.compile(bytes);
    const executable = new CpuExecutable({ module, memory, program }, columns, threads, companion);
    const hasTasks = executable.shared.includes(true) || companion !== undefined;
    if (threads > 1 && start !== undefined && hasTasks) {
      executable.threads = start(threads - 1, executable.setup);
      executable.threads.catch((error: unknown) => {
        executable.threadFailure = new Error('a thread could not be started', { cause: error });
      });
    }
    for (const array of arrays) array.fill(executable.portable.memory.buffer);
    for (const call of program.setup) {
      executable.runAlone(call, 1);
      executable.combine(call);
    }
    for (const copy of program.copies) if (copy.isSplat) executable.splat(copy);
    return executable;
  }

  /** The same program on the calling thread alone, with a memory of its own. */
  static adopt({ module, memory, program }: PortableProgram): CpuExecutable {
    const own = allocate(program);
    new Uint8Array(own.buffer).set(new Uint8Array(memory.buffer, 0, program.memoryBytes));
    return new CpuExecutable({ module, memory: own, program }, new Map(), 1);
  }

  /** Resolves when all threads serve (at once where there are none); nothing needs to wait for it but measurements and tests. */
  async threadsReady(): Promise<void> {
    await this.threads;
  }

  /** Evaluates the program for all lanes. Throws when a thread could not be started. */
  run(): void {
    if (this.threadFailure !== undefined) throw this.threadFailure;
    const hasHelp = this.threads !== undefined && this.runner.hasHelp;
    const calls = this.portable.program.perEvaluation;
    for (let i = 0; i < calls.length; i++) {
      if (hasHelp && this.shared[i]) this.runner.runShared(i);
      else this.runAlone(calls[i], this.groups);
      this.combine(calls[i]);
    }
    for (const copy of this.portable.program.copies) if (!copy.isSplat) this.copy(copy);
  }

  /** Outputs that follow one another in the program, as one array `[element][lane]`: a view that `run` changes. */
  output(...names: string[]): Float64Array {
    const arrays = names.map((name) => {
      const output = this.portable.program.outputs.get(name);
      if (output === undefined) throw new Error(`the program has no output ${name}`);
      return output;
    });
    let end = arrays[0].base;
    for (const { base, size } of arrays) {
      if (base !== end) throw new Error(`outputs ${names.join(', ')} do not follow one another`);
      end += size * this.lanes * 8;
    }
    return new Float64Array(this.portable.memory.buffer, arrays[0].base, (end - arrays[0].base) / 8);
  }

  /** Ends the threads. */
  async dispose(): Promise<void> {
    askToQuit(this.setup.control);
    if (this.threadFailure === undefined) await (await this.threads)?.stop();
  }

  /** Makes room for a program that was compiled for the memory as it is now. */
  private grow({ memoryBytes }: BoundProgram): WebAssembly.Memory {
    const { memory } = this.portable;
    memory.grow((memoryBytes - memory.buffer.byteLength) / 65536);
    return memory;
  }

  private runTasks(bounds: Int32Array, argument: number): void {
    if (this.threadFailure !== undefined) throw this.threadFailure;
    const { runner } = this;
    const call = this.setup.calls.length - 1;
    if (this.threads !== undefined && runner.hasHelp && isShareable(call, this.setup.calls[call])) {
      runner.runShared(call, argument);
      return;
    }
    const fn = runner.functions[call];
    for (let task = 0; task + 1 < bounds.length; task++) fn(bounds[task], bounds[task + 1], task, argument);
  }

  private runAlone(call: Call, groups: number): void {
    const fn = this.runner.kernels[call.functionName];
    const { bounds } = call;
    for (let block = 0; block + 1 < bounds.length; block++) {
      for (let group = 0; group < groups; group++) {
        fn(bounds[block], bounds[block + 1], block, group * this.setup.bytesPerGroup);
      }
    }
  }

  private copy({ source, target, size }: CopyStep): void {
    const bytes = size * this.lanes * 8;
    new Uint8Array(this.portable.memory.buffer).copyWithin(target, source, source + bytes);
  }

  private splat({ source, target, size }: CopyStep): void {
    const from = new Float64Array(this.portable.memory.buffer, source, size);
    const to = new Float64Array(this.portable.memory.buffer, target, size * this.lanes);
    for (let i = 0; i < size; i++) to.fill(from[i], i * this.lanes, (i + 1) * this.lanes);
  }

  private combine(call: Call): void {
    const blocks = call.bounds.length - 1;
    for (const { functionName, target, source, bytes } of call.combine) {
      this.runner.kernels[functionName](target, source, bytes, blocks);
    }
  }
}

function allocate({ memoryBytes }: BoundProgram): WebAssembly.Memory {
  const pages = memoryBytes / 65536;
  return new WebAssembly.Memory({ initial: pages, maximum: maxMemoryPages, shared: true });
}
