// Priors as users write them, "normal(0, 5)" or {normal: [0, 5]}, checked against the ranges of their family.

import { suggestion } from './nearestName.js';

/** A prior by its family and its parameters, in the order of `priorFamilies`. */
export interface PriorSpec {
  readonly family: PriorFamily;
  readonly parameters: readonly number[];
}

/** Parameter names by family; those in `positive` must exceed 0. Scales are standard deviations, rates inverse scales. */
export const priorFamilies = {
  normal: { parameters: ['mean', 'sd'], positive: ['sd'] },
  studentT: { parameters: ['df', 'location', 'scale'], positive: ['df', 'scale'] },
  cauchy: { parameters: ['location', 'scale'], positive: ['scale'] },
  laplace: { parameters: ['location', 'scale'], positive: ['scale'] },
  halfNormal: { parameters: ['sd'], positive: ['sd'] },
  halfStudentT: { parameters: ['df', 'scale'], positive: ['df', 'scale'] },
  halfCauchy: { parameters: ['scale'], positive: ['scale'] },
  exponential: { parameters: ['rate'], positive: ['rate'] },
  gamma: { parameters: ['shape', 'rate'], positive: ['shape', 'rate'] },
  logNormal: { parameters: ['mean', 'sd'], positive: ['sd'] },
  beta: { parameters: ['alpha', 'beta'], positive: ['alpha', 'beta'] },
  inverseGamma: { parameters: ['shape', 'scale'], positive: ['shape', 'scale'] },
  precisionGamma: { parameters: ['shape', 'rate'], positive: ['shape', 'rate'] },
  lkj: { parameters: ['eta'], positive: ['eta'] },
  inverseWishart: { parameters: ['df', 'scale'], positive: ['df', 'scale'] },
  huangWand: { parameters: ['df', 'scale'], positive: ['df', 'scale'] },
  flat: { parameters: [], positive: [] },
} as const satisfies Record<string, { parameters: readonly string[]; positive: readonly string[] }>;

type PriorFamily = keyof typeof priorFamilies;

const familyNames = Object.keys(priorFamilies) as PriorFamily[];

const signature = (family: PriorFamily): string => `${family}(${priorFamilies[family].parameters.join(', ')})`;

/**
 * Reads a prior: `"normal(0, 5)"`, `"flat"`, `{normal: [0, 5]}`, `{halfNormal: 2}` or `{normal: {mean: 0, sd: 5}}`.
 * Throws RangeError whose message says what is wrong and what would be right; the caller adds file and line.
 */
export function parsePrior(written: unknown): PriorSpec {
  const { family, args } = splitPrior(written);
  const known = familyNames.find((name) => name === family);
  if (known === undefined) throw new RangeError(`unknown prior '${family}'; ${suggestion(family, familyNames)}`);
  const { parameters, positive } = priorFamilies[known] as {
    parameters: readonly string[];
    positive: readonly string[];
  };
  const values = Array.isArray(args) ? (args as unknown[]) : argumentsByName(known, args);
  if (values.length !== parameters.length) {
    const need = `${parameters.length} argument${parameters.length === 1 ? '' : 's'}`;
    throw new RangeError(`prior ${known} takes ${need}, not ${values.length}; write ${signature(known)}`);
  }
  const numbers = values.map((value, index) => {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new RangeError(
      `${parameters[index]} of prior ${signature(known)} must be a finite number, not ${shown(value)}`,
    );
  });
  for (const [index, name] of parameters.entries()) {
    if (!positive.includes(name) || numbers[index] > 0) continue;
    throw new RangeError(`${name} of prior ${signature(known)} must be greater than 0, not ${numbers[index]}`);
  }
  return { family: known, parameters: numbers };
}

/** `normal(0, 5)`; what `parsePrior` reads back. */
export function formatPrior(prior: PriorSpec): string {
  return `${prior.family}(${prior.parameters.join(', ')})`;
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? 'nothing');

function splitPrior(written: unknown): { family: string; args: unknown } {
  if (typeof written === 'string') {
    const match = /^\s*([A-Za-z]\w*)\s*(?:\(([^()]*)\))?\s*$/.exec(written);
    if (match === null) {
      const isCut = /\([^)]*$/.test(written);
      const how = isCut
        ? ": inside {…} a comma ends it; put it in quotes, like 'normal(0, 5)'"
        : '; write it like normal(0, 5)';
      throw new RangeError(`prior '${written}' cannot be read${how}`);
    }
    const inner = (match[2] ?? '').trim();
    const args = inner === '' ? [] : inner.split(',').map((part) => numberOrText(part.trim()));
    return { family: match[1], args };
  }
  if (typeof written === 'object' && written !== null && !Array.isArray(written)) {
    const entries = Object.entries(written);
    if (entries.length === 1) {
      const [family, args] = entries[0] as [string, unknown];
      const isScalar = args !== null && typeof args !== 'object';
      return { family, args: args === null ? [] : isScalar ? [args] : args };
    }
  }
  throw new RangeError(`prior ${shown(written)} cannot be read; write it like normal(0, 5) or {normal: [0, 5]}`);
}

function numberOrText(text: string): number | string {
  const value = Number(text);
  return text === '' || Number.isNaN(value) ? text : value;
}

function argumentsByName(family: PriorFamily, args: unknown): unknown[] {
  const { parameters } = priorFamilies[family];
  const named = args as Record<string, unknown>;
  for (const name of Object.keys(named)) {
    if ((parameters as readonly string[]).includes(name)) continue;
    throw new RangeError(`prior ${family} has no argument '${name}'; write ${signature(family)}`);
  }
  return parameters.filter((name) => name in named).map((name) => named[name]);
}
