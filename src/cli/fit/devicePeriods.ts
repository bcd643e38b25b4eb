// Which devices a run has run on, in order: recorded in run.json, and read back when the run is resumed.
import type { Config } from '../../data/config.js';
import type { DeviceName } from '../../data/configSchema.js';
import type { DrawCounts } from '../../data/run/posteriorStore.js';
import type { JsonRecord } from '../../data/run/runFolder.js';
import type { Target } from '../devices/chooseDevice.js';

/** A stretch of a run on one device. */
interface DevicePeriod {
  readonly device: DeviceName;
  readonly adapter: string | null;
  readonly precision: 'double' | 'single';
  readonly threads: number;
  /** Stored draws of each chain when it began. */
  readonly from: readonly DrawCounts[];
  /** Why it began. */
  readonly why: string;
}

const periodsOf = (run: JsonRecord | undefined): readonly DevicePeriod[] =>
  (run?.['devices'] as readonly DevicePeriod[] | undefined) ?? [];

/** The periods of a run that now goes on (or begins) on a device; one more where it is not the one before. */
export function devicePeriods(
  run: JsonRecord | undefined,
  { open, prepared }: Target,
  from: readonly DrawCounts[],
  why: string,
): readonly DevicePeriod[] {
  const before = periodsOf(run);
  const { name, precision } = open.device;
  const now = { device: name, adapter: open.adapter ?? null, precision, threads: prepared.threads, from, why };
  const last = before.at(-1);
  const isSame = last?.device === name && last.adapter === now.adapter && last.precision === precision;
  return isSame ? before : [...before, now];
}

/**
 * The device to open: what the command line names; else what the file names, when it has changed since the run was begun;
 * else the run's own last device. Without a run, what is configured.
 */
export function deviceToOpen(
  config: Config,
  onCommandLine: DeviceName | 'auto' | undefined,
  run: JsonRecord | undefined,
): DeviceName | 'auto' {
  const last = periodsOf(run).at(-1)?.device ?? (run?.['device'] as DeviceName | undefined);
  if (last === undefined) return config.device;
  if (onCommandLine !== undefined && onCommandLine !== 'auto') return onCommandLine;
  const begunWith = (run?.['configuration'] as { readonly device?: string } | undefined)?.device;
  if (config.device !== 'auto' && config.device !== begunWith) return config.device;
  return last;
}
