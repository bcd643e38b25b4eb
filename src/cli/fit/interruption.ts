// Ctrl-C and termination: the first asks the run to stop and save, a second ends the process at once.
import { exitCodes } from '../exitCodes.js';

export class Interruption {
  private readonly controller = new AbortController();
  private readonly onSignal = (): void => {
    if (this.controller.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write('\nstopping: saving the state (once more to stop at once)\n');
    this.controller.abort();
  };

  constructor() {
    process.on('SIGINT', this.onSignal);
    process.on('SIGTERM', this.onSignal);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  dispose(): void {
    process.off('SIGINT', this.onSignal);
    process.off('SIGTERM', this.onSignal);
  }
}
