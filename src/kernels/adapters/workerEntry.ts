// Entry of a worker thread in Node: receives a compiled module and serves its calls until told to quit.
import { parentPort, workerData } from 'node:worker_threads';
import { TaskRunner, type WorkerSetup } from '../cpu/tasks.js';

const runner = new TaskRunner(workerData as WorkerSetup);
parentPort!.postMessage('ready');
runner.serve();
