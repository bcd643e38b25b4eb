// How threads share the calls of a compiled program: each has a queue of tasks of its own, and helps out when it is through.
import { mathImports } from '../math/vectorMath.js';

/** Numbers of the control array (i32, shared) lie a cache line apart, because different threads write them. */
const line = 16;

/** Positions in the control array. */
const control = {
  /** Raised with every offered call. */
  generation: 0,
  finished: line,
  quit: 2 * line,
  /** Worker threads that serve. */
  ready: 3 * line,
  /** Worker threads that sleep until the generation changes. */
  sleeping: 4 * line,
  /** 1 while the main thread sleeps until the last task is finished. */
  mainSleeping: 5 * line,
  /** What tasks of the current call add to their lane pointer. */
  argument: 6 * line,
  /** The first of the queues' tickets, one a thread. */
  tickets: 7 * line,
} as const;

/** The array that threads share. One thread alone needs no shared memory, which browsers give to isolated pages only. */
export function newControl(threads: number): Int32Array {
  const length = control.tickets + threads * line;
  return threads === 1 ? new Int32Array(length) : new Int32Array(new SharedArrayBuffer(length * 4));
}

/** A ticket is call · 2^16 + task, so that a late thread can never take a task of another call by mistake. */
const taskBits = 16;
const maxCalls = 2 ** (31 - taskBits);

/** Tasks that a call is cut into where it can be: short enough that no thread waits long for another. */
const wantedTasks = 64;

/** About 50 µs of looking before a thread goes to sleep: calls come in quick succession, and tasks are short. */
const activeLooks = 5000;

/** One call that threads share. A task is one block for some groups of lanes: all of them where there are blocks enough,
 *  because the block's data are then read from cache and no two threads write to the same lines of it. */
export interface SharedCall {
  readonly functionName: string;
  readonly bounds: Int32Array;
  readonly groups: number;
  readonly groupsPerTask: number;
  readonly tasks: number;
}

export function shareCall(functionName: string, bounds: Int32Array, groups: number): SharedCall {
  const blocks = bounds.length - 1;
  const groupsPerTask = Math.max(1, Math.floor((groups * blocks) / wantedTasks));
  return { functionName, bounds, groups, groupsPerTask, tasks: blocks * Math.ceil(groups / groupsPerTask) };
}

export interface WorkerSetup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: Int32Array;
  readonly calls: readonly SharedCall[];
  readonly bytesPerGroup: number;
  /** Threads in all, the main one included: as many queues there are. */
  readonly threads: number;
  /** Module whose function the last call names; the other calls' are in `module`. */
  readonly companion?: WebAssembly.Module;
}

export type KernelFunction = (start: number, end: number, block: number, lanePointer: number) => void;

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Record<string, KernelFunction> {
  const instance = new WebAssembly.Instance(module, { env: { memory, ...mathImports } });
  return instance.exports as unknown as Record<string, KernelFunction>;
}

export function isShareable(index: number, { tasks }: SharedCall): boolean {
  return index < maxCalls && tasks > 1;
}

export class TaskRunner {
  readonly kernels: Record<string, KernelFunction>;
  readonly functions: readonly KernelFunction[];
  private readonly canSleep: boolean;
  /** The queue this thread begins with; the main thread's is 0. */
  private thread = 0;

  constructor(private readonly setup: WorkerSetup) {
    const { module, memory, companion, calls } = setup;
    this.kernels = instantiate(module, memory);
    const others = companion && instantiate(companion, memory);
    this.functions = calls.map(({ functionName }, i) =>
      others && i === calls.length - 1 ? others[functionName] : this.kernels[functionName],
    );
    this.canSleep = mayWait();
  }

  /** Whether a worker thread is there to take tasks. */
  get hasHelp(): boolean {
    return Atomics.load(this.setup.control, control.ready) > 0;
  }

  /**
   * Main thread: offers the tasks of a call to all threads, takes part, and returns when all are done.
   * @param argument added to the lane pointer of every task
   */
  runShared(call: number, argument = 0): void {
    const shared = this.setup.control;
    Atomics.store(shared, control.argument, argument);
    Atomics.store(shared, control.finished, 0);
    for (let queue = 0; queue < this.setup.threads; queue++) {
      Atomics.store(shared, control.tickets + queue * line, call << taskBits);
    }
    Atomics.add(shared, control.generation, 1);
    // A worker counts itself as sleeping before it looks at the generation for the last time, so none is missed.
    if (Atomics.load(shared, control.sleeping) > 0) Atomics.notify(shared, control.generation);
    this.takeTasks();
    this.awaitTasks(this.setup.calls[call].tasks);
  }

  /** Looks for a while, then sleeps: a worker that holds the last task may need this core to go on. */
  private awaitTasks(total: number): void {
    const shared = this.setup.control;
    for (let looks = 0; looks < activeLooks; looks++) {
      if (Atomics.load(shared, control.finished) === total) return;
    }
    Atomics.store(shared, control.mainSleeping, 1);
    for (;;) {
      const finished = Atomics.load(shared, control.finished);
      if (finished === total) break;
      if (this.canSleep) Atomics.wait(shared, control.finished, finished);
    }
    Atomics.store(shared, control.mainSleeping, 0);
  }

  /**
   * Takes tasks of the current call until none is left: those of its own queue first, which are the same at every call, so
   * their rows are still in this core's cache; then what other threads have not come to.
   */
  private takeTasks(): void {
    const { control: shared, threads } = this.setup;
    let done = 0;
    for (let turn = 0; turn < threads; turn++) done += this.takeFrom((this.thread + turn) % threads);
    // Counted once, because every count takes the line from the other cores.
    if (done === 0) return;
    Atomics.add(shared, control.finished, done);
    if (Atomics.load(shared, control.mainSleeping) !== 0) Atomics.notify(shared, control.finished);
  }

  /** Takes what is left in a queue; returns the number of tasks done. */
  private takeFrom(queue: number): number {
    const { control: shared, calls, threads } = this.setup;
    for (let done = 0; ; done++) {
      const ticket = Atomics.add(shared, control.tickets + queue * line, 1);
      const call = ticket >> taskBits;
      const { tasks } = calls[call];
      const task = Math.floor((tasks * queue) / threads) + (ticket & ((1 << taskBits) - 1));
      if (task >= Math.floor((tasks * (queue + 1)) / threads)) return done;
      this.runTask(call, task);
    }
  }

  private runTask(call: number, task: number): void {
    const { bounds, groups, groupsPerTask, tasks } = this.setup.calls[call];
    const parts = tasks / (bounds.length - 1);
    const block = Math.floor(task / parts);
    const first = (task % parts) * groupsPerTask;
    const last = Math.min(groups, first + groupsPerTask);
    const fn = this.functions[call];
    const argument = Atomics.load(this.setup.control, control.argument);
    for (let group = first; group < last; group++) {
      fn(bounds[block], bounds[block + 1], block, group * this.setup.bytesPerGroup + argument);
    }
  }

  /** Worker thread: waits for calls until told to quit. */
  serve(): void {
    const shared = this.setup.control;
    this.thread = (Atomics.add(shared, control.ready, 1) + 1) % this.setup.threads;
    // Nothing is offered before the first call: a worker that starts late joins at the current one.
    let seen = 0;
    for (;;) {
      seen = this.awaitOffer(seen);
      if (Atomics.load(shared, control.quit) !== 0) return;
      this.takeTasks();
    }
  }

  private awaitOffer(seen: number): number {
    const shared = this.setup.control;
    for (let looks = 0; looks < activeLooks; looks++) {
      const generation = Atomics.load(shared, control.generation);
      if (generation !== seen) return generation;
    }
    Atomics.add(shared, control.sleeping, 1);
    while (Atomics.load(shared, control.generation) === seen) Atomics.wait(shared, control.generation, seen);
    Atomics.sub(shared, control.sleeping, 1);
    return Atomics.load(shared, control.generation);
  }
}

/** Browsers forbid their main thread to sleep: it keeps looking. */
function mayWait(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false;
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

export function askToQuit(shared: Int32Array): void {
  Atomics.store(shared, control.quit, 1);
  Atomics.add(shared, control.generation, 1);
  Atomics.notify(shared, control.generation);
}
