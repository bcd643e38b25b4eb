// Entry of a thread that takes its share of a program's rows, until it is ended.
import { TaskRunner, type WorkerSetup } from '../../../src/kernels/cpu/tasks.js';

self.addEventListener('message', ({ data }: MessageEvent<WorkerSetup>) => {
  const runner = new TaskRunner(data);
  self.postMessage('ready');
  runner.serve();
});
