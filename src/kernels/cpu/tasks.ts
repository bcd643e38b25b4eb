// How threads share the calls of a compiled program: tasks are taken from one counter in shared memory.
import { mathImports } from '../math/vectorMath.js';

/** Positions in the control array (i32, shared). */
const control = { generation: 0, ticket: 1, finished: 2, quit: 3 } as const;
export const controlLength = 4;

/** A ticket is call · 2^16 + task, so that a late thread can never take a task of another call by mistake. */
const taskBits = 16;

/** One call that threads share: `tasks` = blocks × groups of lanes. */
export interface SharedCall {
  readonly functionName: string;
  readonly bounds: Int32Array;
  readonly groups: number;
}

export interface WorkerSetup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: Int32Array;
  readonly calls: readonly SharedCall[];
  readonly bytesPerGroup: number;
}

export type KernelFunction = (start: number, end: number, block: number, lanePointer: number) => void;

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Record<string, KernelFunction> {
  const instance = new WebAssembly.Instance(module, { env: { memory, ...mathImports } });
  return instance.exports as unknown as Record<string, KernelFunction>;
}

/** Runs task `task` of a call: one block for one group of lanes. */
export function runTask(fn: KernelFunction, call: SharedCall, task: number, bytesPerGroup: number): void {
  const block = Math.floor(task / call.groups);
  fn(call.bounds[block], call.bounds[block + 1], block, (task % call.groups) * bytesPerGroup);
}

export class TaskRunner {
  private readonly functions: readonly KernelFunction[];
  private readonly exports: Record<string, KernelFunction>;

  constructor(private readonly setup: WorkerSetup) {
    this.exports = instantiate(setup.module, setup.memory);
    this.functions = setup.calls.map((call) => this.exports[call.functionName]);
  }

  get kernels(): Record<string, KernelFunction> {
    return this.exports;
  }

  private tasksOf(call: number): number {
    const { bounds, groups } = this.setup.calls[call];
    return (bounds.length - 1) * groups;
  }

  /** Main thread: offers the tasks of a call to all threads, takes part, and returns when all are done. */
  runShared(call: number): void {
    const shared = this.setup.control;
    Atomics.store(shared, control.finished, 0);
    Atomics.store(shared, control.ticket, call << taskBits);
    Atomics.add(shared, control.generation, 1);
    Atomics.notify(shared, control.generation);
    this.takeTasks();
    const total = this.tasksOf(call);
    while (Atomics.load(shared, control.finished) < total);
  }

  /** Takes tasks of the current call until none is left. */
  private takeTasks(): void {
    const shared = this.setup.control;
    for (;;) {
      const ticket = Atomics.add(shared, control.ticket, 1);
      const call = ticket >> taskBits;
      const task = ticket & ((1 << taskBits) - 1);
      if (task >= this.tasksOf(call)) return;
      runTask(this.functions[call], this.setup.calls[call], task, this.setup.bytesPerGroup);
      Atomics.add(shared, control.finished, 1);
    }
  }

  /** Worker thread: waits for calls until told to quit. Waits actively for a moment first, since calls come in quick succession. */
  serve(): void {
    const shared = this.setup.control;
    let seen = 0;
    for (;;) {
      let spins = 0;
      while (Atomics.load(shared, control.generation) === seen) {
        if (++spins > activeSpins) Atomics.wait(shared, control.generation, seen);
      }
      seen = Atomics.load(shared, control.generation);
      if (Atomics.load(shared, control.quit) !== 0) return;
      this.takeTasks();
    }
  }
}

/** About 50 µs of looking before a thread goes to sleep. */
const activeSpins = 5000;

export function askToQuit(shared: Int32Array): void {
  Atomics.store(shared, control.quit, 1);
  Atomics.add(shared, control.generation, 1);
  Atomics.notify(shared, control.generation);
}
