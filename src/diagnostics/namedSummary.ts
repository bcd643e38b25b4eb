// The summary of one named scalar with the facts about its draws that the checks ask for.
import { countNonFinite, isConstant } from './draws.js';
import type { Chains } from './draws.js';
import { summarise } from './summarise.js';
import type { Summary } from './summarise.js';

/** One scalar of the posterior. */
export interface NamedSummary extends Summary {
  /** `site[dimension=level,…]`, as in summary.json. */
  readonly name: string;
  /** All draws of all chains are one value (the diagonal of a correlation matrix): nothing to converge. */
  readonly isConstant: boolean;
  /** Number of NaN or infinite draws. */
  readonly nonFiniteDraws: number;
  /** Chains that never moved although the scalar as a whole did. */
  readonly stuckChains: readonly number[];
}

/** Summarises one scalar under its name; `superchains` as in `summarise`. */
export function summariseNamed(name: string, chains: Chains, superchains = 1): NamedSummary {
  const summary = summarise(chains, superchains);
  const first = chains[0][0];
  const constantChains = chains.flatMap((chain, c) => (chain.length > 0 && isConstant(chain) ? [c] : []));
  const constant = constantChains.length === chains.length && chains.every((chain) => chain[0] === first);
  const stuckChains = constant || chains[0].length < 2 ? [] : constantChains;
  return { name, ...summary, isConstant: constant, nonFiniteDraws: countNonFinite(chains), stuckChains };
}
