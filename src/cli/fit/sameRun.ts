// Whether a run may be continued: with the data, the model and the settings that it was begun with.
import type { DeviceName } from '../../data/configSchema.js';
import { InputError } from '../../data/inputError.js';
import type { RunFolder } from '../../data/run/runFolder.js';
import { toJson } from '../../data/run/summaryFiles.js';
import { precisionOn } from '../devices/openDevice.js';
import type { FitJob } from './job.js';
import { resolvedConfiguration } from './runRecord.js';

/** What may change when a run is resumed: the state between two draws is the same on every device. */
const mayChange = ['data', 'device', 'onDeviceLoss', 'precision'];

/** A run is continued only with the data, the model and the settings it was begun with. */
export function checkSameRun(folder: Pick<RunFolder, 'dir' | 'run'>, job: FitJob): void {
  if (folder.run === undefined) return;
  const before = folder.run.dataFingerprint;
  if (before !== undefined && before !== job.fingerprint) {
    throw new InputError(
      `${folder.dir}: this run was begun with other data than now; restore them, or choose another --out`,
    );
  }
  const then = folder.run.configuration as Record<string, unknown>;
  const now = JSON.parse(toJson(resolvedConfiguration(job))) as Record<string, unknown>;
  for (const key of Object.keys(now).filter((key) => !mayChange.includes(key))) {
    const [was, is] = [JSON.stringify(then[key]), JSON.stringify(now[key])];
    if (was === is) continue;
    const what = is.startsWith('{') ? `another ${key} than now` : `${key} ${was}, not ${is}`;
    throw new InputError(`${folder.dir}: this run was begun with ${what}; restore it, or choose another --out`);
  }
}

/** On the device that it was on a run keeps its precision. Throws InputError. */
export function checkSamePrecision(folder: RunFolder, name: DeviceName, { config }: FitJob): void {
  const { device, precision } = folder.run ?? {};
  if (device !== name || precision === precisionOn(name, config)) return;
  throw new InputError(
    `${folder.dir}: this run was begun with precision ${JSON.stringify(precision)}, not ${JSON.stringify(precisionOn(name, config))}; restore it, or choose another --out`,
  );
}
