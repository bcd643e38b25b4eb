// Pieces of configuration schemas that several sections share: text, lists of names, counts, priors.
import { z } from 'zod';
import type { PriorSpec } from './prior.js';
import { parsePrior } from './prior.js';

export const text = z.string().min(1);

export const names = z.array(text).superRefine((list, context) => {
  const seen = new Set<string>();
  for (const name of list) {
    if (seen.has(name)) context.addIssue({ code: 'custom', message: `names '${name}' twice` });
    seen.add(name);
  }
});

export const count = z.int().min(1);

const prior = z.unknown().transform((written, context): PriorSpec => {
  try {
    return parsePrior(written);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `: ${(error as Error).message}` });
    return z.NEVER;
  }
});

/** Priors by site. */
export const priors = z.record(text, prior).default({});
