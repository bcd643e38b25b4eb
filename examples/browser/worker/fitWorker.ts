// The page's worker: opens files, simulates, fits, and stops; the page's own thread only draws.
import type { CsvHeader } from '../../../src/data/csvHeader.js';
import { InputError } from '../../../src/data/inputError.js';
import type { FromWorker, ToWorker } from '../messages.js';
import { guessRoles, type Roles } from '../roles.js';
import { csvHeaderOf } from './csvText.js';
import { runFit } from './fitRun.js';
import { previewColumns } from './preview.js';
import { simulatedFile } from './simulatedFile.js';

interface Source {
  readonly file: File;
  readonly header: CsvHeader;
  /** Of simulated data. */
  readonly truth: ReadonlyMap<string, number> | undefined;
}

let source: Source | undefined;
let stop = new AbortController();

const post = (message: FromWorker): void => self.postMessage(message);

async function open(file: File, simulated?: { readonly truth: Source['truth']; readonly roles: Roles }): Promise<void> {
  source = undefined;
  const header = await csvHeaderOf(file);
  const columns = await previewColumns(file, header);
  source = { file, header, truth: simulated?.truth };
  const roles = simulated?.roles ?? guessRoles(columns);
  post({ kind: 'opened', opened: { file, columns, roles, isSimulated: simulated !== undefined } });
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'open':
      return open(message.file);
    case 'simulate': {
      const { file, ...simulated } = simulatedFile(message.settings);
      return open(file, simulated);
    }
    case 'fit':
      if (source === undefined) throw new InputError('choose a CSV file first');
      stop = new AbortController();
      return runFit({ ...source, settings: message.settings, signal: stop.signal }, post);
    case 'stop':
      return stop.abort();
    default:
      message satisfies never;
  }
}

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  handle(data).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    post({ kind: 'fault', text: text.replace(/\s*\n\s*/g, ' '), isInput: error instanceof InputError });
  });
});
