// Weeks as numbers of which a difference of 1 is one week: whole numbers count them already, dates are days over seven.
import { InputError } from '../../data/inputError.js';
import type { FactorColumn } from '../../data/table.js';

const isoDate = /^\d{4}-\d{2}-\d{2}(?:[T ].*)?$/;
const millisecondsPerWeek = 604_800_000;

/** Number of each row's week, `[rows]`. Throws InputError for labels that are neither whole numbers nor dates. */
export function weekNumbers(source: string, { name, codes, levels }: FactorColumn): Float64Array {
  const numbers = levels.map((label) => {
    const number = /^[+-]?\d{1,9}$/.test(label)
      ? Number(label)
      : isoDate.test(label)
        ? Date.parse(`${label.slice(0, 10)}T00:00:00Z`) / millisecondsPerWeek
        : NaN;
    if (!Number.isNaN(number)) return number;
    const right = 'count weeks by whole numbers, or write dates as YYYY-MM-DD';
    throw new InputError(`${source}: column '${name}' (model.week) holds '${label}'; ${right}`, {
      file: source,
      column: name,
      value: label,
    });
  });
  return Float64Array.from(codes, (code) => numbers[code]);
}
