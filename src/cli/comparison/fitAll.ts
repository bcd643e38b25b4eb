// Fits one after the other, each a run and a process of its own; interrupted and continued as a whole.
import { recordedRun } from '../../data/run/runFolder.js';
import { exitCodes } from '../exitCodes.js';
import { type Interrupt, runCommand } from '../processes/runCommand.js';

export interface PlannedFit {
  /** For the line that announces it. */
  readonly title: string;
  readonly folder: string;
  /** `fit …`, without `--out` and `--resume`. */
  readonly words: readonly string[];
}

export const isFinished = (folder: string): boolean => recordedRun(folder)?.['status'] === 'finished';

/** Fits that failed, with the line that they ended with; undefined when it was interrupted. Runs that are finished already are left as they are. */
export async function fitAll<Fit extends PlannedFit>(
  planned: readonly Fit[],
  say: (line: string) => void,
): Promise<readonly { readonly fit: Fit; readonly why: string }[] | undefined> {
  const interrupt: Interrupt = { current: undefined };
  let isStopping = false;
  const onSignal = (): void => {
    isStopping = true;
    interrupt.current?.();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const failed: { readonly fit: Fit; readonly why: string }[] = [];
  try {
    for (const [i, fit] of planned.entries()) {
      say(`[${i + 1}/${planned.length}] ${fit.title}`);
      if (isFinished(fit.folder)) continue;
      const { code, error } = await runCommand([...fit.words, '--out', fit.folder, '--resume'], interrupt);
      if (isStopping || code === exitCodes.interrupted) return undefined;
      if (error !== undefined) failed.push({ fit, why: error });
    }
    return failed;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
