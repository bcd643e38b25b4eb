// Weeks of a time series: labels in order, evenly spaced, none missing, with the day of the year each stands for.
import { InputError } from './inputError.js';

export interface Weeks {
  /** The column that holds them. */
  readonly column: string;
  /** Labels in time order: dates as YYYY-MM-DD, or whole numbers. */
  readonly names: readonly string[];
  /** Position of each within its year, in years (0 … 1); whole numbers count weeks from the turn of a year. */
  readonly yearShare: Float64Array;
}

const isoDate = /^(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?$/;
const millisecondsPerDay = 86_400_000;

/**
 * @param labels distinct labels, in natural order
 * Throws InputError for labels that are neither dates nor whole numbers, and for a gap: periods of one spacing (months count as one).
 */
export function readWeeks(source: string, column: string, labels: readonly string[]): Weeks {
  const where = { file: source, column };
  const refuse = (label: string): never => {
    const right = 'write dates as YYYY-MM-DD, or count weeks by whole numbers';
    throw new InputError(`${source}: column '${column}' (time) holds '${label}'; ${right}`, { ...where, value: label });
  };
  const areDates = isoDate.test(labels[0]);
  const days = labels.map((label) => {
    if (!areDates) return /^[+-]?\d{1,9}$/.test(label) ? 7 * Number(label) : refuse(label);
    const day = isoDate.test(label) ? Date.parse(`${label.slice(0, 10)}T00:00:00Z`) / millisecondsPerDay : NaN;
    return Number.isNaN(day) ? refuse(label) : day;
  });
  const steps = days.slice(1).map((day, i) => day - days[i]);
  const step = Math.min(...steps);
  const gap = steps.findIndex((own) => own >= 1.5 * step);
  if (gap >= 0) {
    const between = `'${labels[gap]}' and '${labels[gap + 1]}'`;
    const length = areDates ? `${steps[gap]} days lie` : `${steps[gap] / 7 - 1} periods are missing`;
    const others = areDates ? `, elsewhere ${step}` : '';
    throw new InputError(
      `${source}: column '${column}' (time): ${length} between ${between}${others}; carry-over needs every period: add rows for the missing ones`,
      { ...where, value: labels[gap + 1] },
    );
  }
  return {
    column,
    names: areDates ? labels.map((label) => label.slice(0, 10)) : labels,
    yearShare: Float64Array.from(days, areDates ? dateShare : weekShare),
  };
}

const daysPerYear = 365.25;

function dateShare(day: number): number {
  const date = new Date(day * millisecondsPerDay);
  const first = Date.UTC(date.getUTCFullYear(), 0, 0) / millisecondsPerDay;
  return (day - first) / daysPerYear;
}

function weekShare(day: number): number {
  const share = day / daysPerYear;
  return share - Math.floor(share);
}
