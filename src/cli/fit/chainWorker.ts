// Entry of a thread of Node that draws some chains of a run.
import { parentPort } from 'node:worker_threads';
import { serveChains } from '../../inference/threads/serveChains.js';

const port = parentPort!;

serveChains({
  post: (message, transfer) => port.postMessage(message, transfer),
  listen: (onMessage) => port.on('message', onMessage),
  close: () => port.close(),
});
