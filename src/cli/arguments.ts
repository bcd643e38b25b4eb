// What the words of a command line mean: names that must be given once, numbers as they are written; and words for a shell.
import { InputError } from '../data/inputError.js';

/** The one name given for `what`; throws InputError when it is empty or given twice. */
export function nameGiven(what: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  const fault = Array.isArray(value)
    ? `is given ${value.length} times; give it once`
    : 'must not be empty; give a path';
  throw new InputError(`${what} ${fault}`, { value });
}

/** A number where the text is one, else the text as it is, so that a fault can show what was written. */
export function numberOrText(value: unknown): unknown {
  if (typeof value !== 'string' || value.trim() === '') return value;
  const number = Number(value);
  return Number.isNaN(number) ? value : number;
}

/** A word as a shell takes it. */
export const shellWord = (text: string): string =>
  /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
