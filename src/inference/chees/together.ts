// Coroutines of all chains side by side, as one that asks for all of them at once.
import type { Moves, MoveStatistics } from '../phaseSpace/pooled.js';
import type { Coroutine, Request } from '../phaseSpace/requests.js';

/** One list per chain; undefined for chains that have nothing to ask. */
export type Lists = readonly (readonly Request[] | undefined)[];

/** What all chains ask for together: lists of their own, and then a reduction over the chains. */
export interface EnsembleRequest {
  readonly lists: Lists;
  readonly pooled?:
    | { readonly kind: 'moves'; readonly moves: Moves }
    | { readonly kind: 'adapt'; readonly priorVariances: Float64Array };
}

export interface EnsembleAnswers {
  /** `[chain][request]`; valid until the next request. */
  readonly lists: readonly ArrayLike<number>[];
  /** Answer to `moves`. */
  readonly statistics?: MoveStatistics;
}

/** A computation of all chains together, as `Coroutine` is one of a single chain. */
export type EnsembleCoroutine<Result> = Generator<EnsembleRequest, Result, EnsembleAnswers>;

/** Runs one coroutine per chain; the k-th lists of all chains go out together. Chains that end early wait for the others. */
export function* together<Result>(coroutines: readonly Coroutine<Result>[]): EnsembleCoroutine<Result[]> {
  const steps = coroutines.map((coroutine) => coroutine.next());
  while (steps.some(({ done }) => !done)) {
    const answers = yield { lists: steps.map((step) => (step.done ? undefined : step.value)) };
    coroutines.forEach((coroutine, chain) => {
      if (!steps[chain].done) steps[chain] = coroutine.next(answers.lists[chain]);
    });
  }
  return steps.map((step) => step.value as Result);
}
