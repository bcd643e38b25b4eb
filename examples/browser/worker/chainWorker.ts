// Entry of a thread that draws some of the chains.
import { serveChains } from '../../../src/inference/threads/serveChains.js';

serveChains({
  post: (message, transfer) => self.postMessage(message, { transfer }),
  listen: (onMessage) =>
    self.addEventListener('message', ({ data }: MessageEvent<Parameters<typeof onMessage>[0]>) => onMessage(data)),
  close: () => self.close(),
});
