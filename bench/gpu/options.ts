// Options of the benchmarks `gpu` and `gpu-fit`.
import { InputError } from '../../src/data/inputError.js';

/** Values by option name; flags are `true`. */
export type Options = ReadonlyMap<string, string | true>;

/** Throws InputError for an option that is not known, or lacks its value. */
export function parseOptions(words: readonly string[], valued: readonly string[], flags: readonly string[]): Options {
  const options = new Map<string, string | true>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (flags.includes(word)) options.set(word, true);
    else if (!valued.includes(word)) {
      throw new InputError(`unknown option ${word}; options: ${[...valued, ...flags].join(' ')}`);
    } else {
      const value = words[++i] as string | undefined;
      if (value === undefined) throw new InputError(`${word} needs a value`);
      options.set(word, value);
    }
  }
  return options;
}

export function text(options: Options, name: string): string | undefined {
  const value = options.get(name);
  return typeof value === 'string' ? value : undefined;
}

/** Throws InputError unless it is a number in [least, most]. */
export function number(options: Options, name: string, fallback: number, least: number, most: number): number {
  const given = text(options, name);
  if (given === undefined) return fallback;
  const value = Number(given);
  if (given.trim() === '' || !(value >= least && value <= most)) {
    throw new InputError(`${name} ${given}: give a number from ${least} to ${most}`);
  }
  return value;
}

/** Throws InputError unless it is one of `known`. */
export function choice<Name extends string>(
  options: Options,
  name: string,
  fallback: Name,
  known: readonly Name[],
): Name {
  const given = text(options, name) ?? fallback;
  const found = known.find((one) => one === given);
  if (found === undefined) throw new InputError(`${name} ${given}: give one of ${known.join(', ')}`);
  return found;
}

/** A list with commas. Throws InputError for an entry that `parse` refuses with undefined. */
export function list<Value>(
  options: Options,
  name: string,
  fallback: readonly Value[],
  parse: (entry: string) => Value | undefined,
  what: string,
): readonly Value[] {
  return (
    text(options, name)
      ?.split(',')
      .map((entry) => {
        const value = parse(entry.trim());
        if (value === undefined) throw new InputError(`${name}: '${entry.trim()}' is not ${what}`);
        return value;
      }) ?? fallback
  );
}
