// The page: hands files and choices to the worker, and shows what comes back.
import { formatBytes, plural } from '../../../src/report/format.js';
import type { DeviceChoice, FitResult, FitSettings, FromWorker, OpenedFile, ToWorker } from '../messages.js';
import { ColumnsTable } from './columnsTable.js';
import { download, summaryCsv, summaryJson } from './downloads.js';
import { byId, valueOf } from './elements.js';
import { showPosterior } from './posteriorView.js';
import { SamplingView } from './samplingView.js';

const simulation = { rows: 20_000, products: 10, markets: 20, x: 3, z: 1, w: 1, seed: 1 };

const [fileInput, drop] = [byId('file', HTMLInputElement), byId('drop', HTMLLabelElement)];
const [simulate, fit, stop] = (['simulate', 'fit', 'stop'] as const).map((id) => byId(id, HTMLButtonElement));
const form = byId('choices', HTMLFormElement);
const [fault, opened, stage] = (['fault', 'opened', 'stage'] as const).map((id) => byId(id, HTMLParagraphElement));
const columns = new ColumnsTable();

let sampling: SamplingView | undefined;
let result: FitResult | undefined;
let fileName = '';

const worker = new Worker(new URL('../worker/fitWorker.ts', import.meta.url), { type: 'module' });
const tell = (message: ToWorker): void => worker.postMessage(message);

function showFault(text: string | undefined): void {
  fault.hidden = text === undefined;
  fault.textContent = text ?? '';
  if (text !== undefined) fault.scrollIntoView({ block: 'nearest' });
}

function setBusy(isBusy: boolean): void {
  fit.disabled = isBusy;
  simulate.disabled = isBusy;
  fileInput.disabled = isBusy;
  stop.disabled = !isBusy;
}

/** Takes the results of an earlier file or fit off the page. */
function clearResults(): void {
  sampling?.dispose();
  sampling = undefined;
  result = undefined;
  for (const id of ['sampling', 'posterior']) byId(id, HTMLElement).hidden = true;
}

function open(message: ToWorker): void {
  showFault(undefined);
  clearResults();
  form.hidden = true;
  opened.hidden = true;
  tell(message);
}

function showOpened(file: OpenedFile): void {
  columns.show(file);
  fileName = file.file.name;
  const size = `${fileName}, ${formatBytes(file.file.size)}, ${plural(file.columns.length, 'column')}`;
  opened.replaceChildren(size);
  if (file.isSimulated) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(file.file);
    link.download = fileName;
    link.textContent = 'keep this file';
    opened.append('; ', link);
  }
  opened.hidden = false;
  form.hidden = false;
}

function settings(): FitSettings {
  const whole = (name: string): number => Number(valueOf(form, name));
  const standardise = form.elements.namedItem('standardise') as HTMLInputElement;
  return {
    roles: columns.roles,
    covariance: valueOf(form, 'covariance') as FitSettings['covariance'],
    device: valueOf(form, 'device') as DeviceChoice,
    standardise: standardise.checked,
    chains: whole('chains'),
    warmup: whole('warmup'),
    draws: whole('draws'),
    seed: whole('seed'),
  };
}

function receive(message: FromWorker): void {
  switch (message.kind) {
    case 'opened':
      return showOpened(message.opened);
    case 'stage':
      stage.textContent = message.text;
      return;
    case 'begun':
      stage.textContent = 'sampling';
      sampling = new SamplingView(message.begin);
      return;
    case 'draws':
      return sampling?.take(message.batch);
    case 'finished':
      result = message.result;
      stage.textContent = result.isComplete ? 'finished' : 'stopped';
      sampling?.finish();
      showPosterior(result);
      return setBusy(false);
    case 'fault':
      stage.textContent = '';
      showFault(message.text);
      return setBusy(false);
    default:
      message satisfies never;
  }
}

worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => receive(data));
worker.addEventListener('error', ({ message }) => {
  showFault(`the worker has failed: ${message}`);
  setBusy(false);
});

fileInput.addEventListener('change', () => {
  const file = fileInput.files?.[0];
  if (file !== undefined) open({ kind: 'open', file });
});
drop.addEventListener('dragover', (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  const file = event.dataTransfer?.files[0];
  if (file !== undefined && !fileInput.disabled) open({ kind: 'open', file });
});
simulate.addEventListener('click', () => open({ kind: 'simulate', settings: simulation }));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  showFault(undefined);
  clearResults();
  setBusy(true);
  stage.textContent = 'reading the file';
  tell({ kind: 'fit', settings: settings() });
});
stop.addEventListener('click', () => {
  stop.disabled = true;
  stage.textContent = 'stopping';
  tell({ kind: 'stop' });
});

const base = (): string => fileName.replace(/\.[^.]*$/, '');
byId('download-csv', HTMLButtonElement).addEventListener('click', () => {
  if (result !== undefined) download(`${base()}-summary.csv`, 'text/csv', summaryCsv(result));
});
byId('download-json', HTMLButtonElement).addEventListener('click', () => {
  if (result !== undefined) download(`${base()}-summary.json`, 'application/json', summaryJson(result));
});

byId('environment', HTMLParagraphElement).textContent = crossOriginIsolated
  ? ''
  : 'This page is not cross-origin isolated, so the fit runs on one thread: its server must send Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp (see the README).';
