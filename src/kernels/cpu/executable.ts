// A compiled program bound to its memory: write the parameters, run, read the outputs.
import type { Call, CompiledProgram } from '../compiler/compile.js';
import { askToQuit, controlLength, type SharedCall, TaskRunner, type WorkerSetup } from './tasks.js';

/** Starts further threads; the device's caller supplies it where threads exist. */
export type StartThreads = (count: number, setup: WorkerSetup) => Promise<{ stop(): Promise<void> }>;

type CombineFunction = (target: number, source: number, bytes: number, blocks: number) => void;

export class CpuExecutable {
  /** Chains, rounded up to whole vectors: the stride of every `[element][lane]` array. */
  readonly lanes: number;
  /** All parameters one after another, `[element][lane]`. */
  readonly parameters: Float64Array;
  readonly memoryBytes: number;

  private constructor(
    private readonly compiled: CompiledProgram,
    private readonly memory: WebAssembly.Memory,
    private readonly runner: TaskRunner,
    private readonly setup: WorkerSetup,
    private readonly threads: { stop(): Promise<void> } | undefined,
  ) {
    this.lanes = compiled.lanes;
    this.memoryBytes = compiled.memoryBytes;
    const { base, size } = compiled.parameters;
    this.parameters = new Float64Array(memory.buffer, base, size * this.lanes);
    this.kernels = runner.kernels;
  }

  private readonly kernels: TaskRunner['kernels'];

  /** Allocates the memory, copies the data in, starts `threads` − 1 further threads and computes what depends on data alone. */
  static async create(compiled: CompiledProgram, threads: number, start?: StartThreads): Promise<CpuExecutable> {
    const pages = compiled.memoryBytes / 65536;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    for (const array of compiled.arrays) array.fill(memory.buffer);
    const module = await WebAssembly.compile(compiled.bytes);
    const groups = compiled.lanes / compiled.lanesPerCall;
    const setup: WorkerSetup = {
      module,
      memory,
      control: new Int32Array(new SharedArrayBuffer(controlLength * 4)),
      calls: compiled.perEvaluation.map(({ functionName, bounds }): SharedCall => ({ functionName, bounds, groups })),
      bytesPerGroup: compiled.lanesPerCall * 8,
    };
    const runner = new TaskRunner(setup);
    const shareable = setup.calls.some((call) => (call.bounds.length - 1) * call.groups > 1);
    const helpers = threads > 1 && shareable && start !== undefined ? await start(threads - 1, setup) : undefined;
    const executable = new CpuExecutable(compiled, memory, runner, setup, helpers);
    for (const call of compiled.setup) {
      executable.runAlone(call, 1);
      executable.combine(call);
    }
    return executable;
  }

  /** Evaluates the program for all lanes. */
  run(): void {
    const groups = this.lanes / this.compiled.lanesPerCall;
    for (const [index, call] of this.compiled.perEvaluation.entries()) {
      const tasks = (call.bounds.length - 1) * groups;
      if (this.threads !== undefined && tasks > 1 && call.bounds.length > 2) this.runner.runShared(index);
      else this.runAlone(call, groups);
      this.combine(call);
    }
  }

  /** An output array, `[element][lane]`; a view that stays valid and changes with every `run`. */
  output(name: string): Float64Array {
    const output = this.compiled.outputs.get(name);
    if (output === undefined) throw new Error(`the program has no output ${name}`);
    return new Float64Array(this.memory.buffer, output.base, output.size * (output.perLane ? this.lanes : 1));
  }

  /** Whether an output differs between chains; if not, `output` has one number an element. */
  isPerLane(name: string): boolean {
    return this.compiled.outputs.get(name)!.perLane;
  }

  async dispose(): Promise<void> {
    askToQuit(this.setup.control);
    await this.threads?.stop();
  }

  private runAlone(call: Call, groups: number): void {
    const fn = this.kernels[call.functionName];
    for (let block = 0; block + 1 < call.bounds.length; block++) {
      for (let group = 0; group < groups; group++) {
        fn(call.bounds[block], call.bounds[block + 1], block, group * this.setup.bytesPerGroup);
      }
    }
  }

  private combine(call: Call): void {
    const blocks = call.bounds.length - 1;
    for (const { functionName, target, source, bytes } of call.combine) {
      (this.kernels[functionName] as CombineFunction)(target, source, bytes, blocks);
    }
  }
}
