// Turns a zod issue into one plain sentence: which key, what is written there, what would be right.

import type { z } from 'zod';
import { suggestion } from './nearestName.js';

type Issue = z.core.$ZodIssue;

export interface DescribedIssue {
  readonly message: string;
  readonly path: readonly PropertyKey[];
  /** The fault lies in the key itself, not in its value. */
  readonly isKey: boolean;
}

const words: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list of column names, like [price, deal]',
  object: 'keys with values',
  record: 'sites with priors, like {sigma: halfNormal(1)}',
  boolean: 'true or false',
};

const valueAt = (written: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], written);

const shown = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? 'nothing');

/**
 * One sentence for the first fault that zod found. `written` is the object as the user gave it, `known` the keys of each
 * section by its path.
 */
export function describeIssue(
  issue: Issue,
  written: unknown,
  known: Readonly<Record<string, readonly string[]>>,
): DescribedIssue {
  const path = issue.path;
  const name = path.map(String).join('.');
  const value = valueAt(written, path);
  const told = (message: string, at = path, isKey = false): DescribedIssue => ({ message, path: at, isKey });
  switch (issue.code) {
    case 'unrecognized_keys': {
      const key = issue.keys[0];
      const where = name === '' ? '' : ` in ${name}`;
      return told(
        `unknown key '${key}'${where}; ${suggestion(key, known[name] ?? known[[...path.slice(0, -1), '*'].join('.')] ?? [])}`,
        [...path, key],
        true,
      );
    }
    case 'invalid_union': {
      // The branch that got furthest into the value is the one that the user meant.
      const depth = (branch: readonly Issue[]) =>
        Math.max(...branch.map(({ path: at, code }) => at.length + Number(code === 'unrecognized_keys')));
      const branches = issue.errors.filter((branch) => branch.length > 0);
      const deepest = [...branches].sort((a, b) => depth(b) - depth(a))[0];
      if (deepest === undefined) return told(`${name}: ${issue.message}`);
      if (depth(deepest) === 0) {
        const wanted = branches.map(([first]) => wantedBy(first)).join(', or ');
        return told(`${name} must be ${wanted}, not ${shown(value)}`);
      }
      return describeIssue({ ...deepest[0], path: [...path, ...deepest[0].path] }, written, known);
    }
    case 'custom':
      // Some faults are whole sentences already.
      if (issue.params?.['isWhole'] === true) return told(issue.message);
      return told(
        name === '' ? issue.message.trim() : `${name}${/^[:\s]/.test(issue.message) ? '' : ' '}${issue.message}`,
      );
    case 'invalid_type':
      if (value === undefined) return told(`${name} is missing; it must be ${wantedBy(issue)}`);
      return told(`${name} must be ${wantedBy(issue)}, not ${shown(value)}`);
    case 'invalid_value': {
      const options = issue.values.map(String);
      const hint = typeof value === 'string' ? suggestion(value, options) : `known: ${options.join(', ')}`;
      return told(`${name} cannot be ${shown(value)}; ${hint}`);
    }
    default:
      return told(`${name} must be ${wantedBy(issue)}, not ${shown(value)}`);
  }
}

function wantedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return words[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.map(String).join(' or ');
    case 'too_small':
      if (issue.origin === 'string') return 'text that is not empty';
      return `${issue.inclusive ? 'at least' : 'greater than'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    default:
      return issue.message;
  }
}
