// A fit of data with values imputed several times: a run of its own for each completed data set, then one run of all their draws.
import { join } from 'node:path';
import type { Config } from '../../data/config.js';
import { InputError } from '../../data/inputError.js';
import { createRunFolder, recordedRun } from '../../data/run/runFolder.js';
import type { FitOutcome } from './sampleOnDevice.js';
import { type FitJob, loadJob } from './job.js';
import { poolRuns } from './poolRuns.js';
import { checkSameRun } from './sameRun.js';

/** One fit of the series. */
export interface ImputedFit {
  readonly config: Config;
  readonly imputation: number;
  readonly dir: string;
}

/** Where the fit of a completed data set goes. */
const folderOf = (dir: string, imputation: number): string => join(dir, `imputation-${imputation}`);

/**
 * Fits the data sets one after another, those that are finished left as they are, and pools them. Each has a seed of its own, so that the errors
 * of their chains are not the same.
 * @param fit carries one out; an interrupted one has no status
 */
export async function fitImputations(
  config: Config,
  dir: string,
  imputations: number,
  { resume, command }: { readonly resume: boolean; readonly command: string },
  fit: (own: ImputedFit) => Promise<FitOutcome>,
  say: (line: string) => void,
): Promise<FitOutcome> {
  const folder = createRunFolder(dir, { resume });
  try {
    folder.writeRun({ ...folder.run, command, imputations, seed: config.seed });
    const jobs: FitJob[] = [];
    for (let imputation = 1; imputation <= imputations; imputation++) {
      const own = folderOf(dir, imputation);
      say(`[${imputation}/${imputations}] imputation ${imputation}`);
      if (recordedRun(own)?.['status'] === 'finished') {
        jobs.push(await finishedJob(config, imputation, own));
        continue;
      }
      const { status } = await fit({ config, imputation, dir: own });
      if (status === undefined) return { folder: dir, status };
    }
    const job = jobs[0] ?? (await loadJob(config, undefined, 1));
    const dirs = Array.from({ length: imputations }, (_, i) => folderOf(dir, i + 1));
    return { folder: dir, status: await poolRuns(folder, dirs, job, command, say) };
  } catch (error) {
    if (error instanceof InputError) folder.discardNew();
    throw error;
  } finally {
    folder.release();
  }
}

/** A finished run is taken over where it is of the same data, model and settings. */
async function finishedJob(config: Config, imputation: number, dir: string): Promise<FitJob> {
  const job = await loadJob(config, undefined, imputation);
  const run = recordedRun(dir);
  checkSameRun({ dir, run }, job);
  return job;
}
