// How many completed data sets a configuration asks for.
import type { Step } from './step.js';
import type { ImputeSettings } from './steps/impute.js';

/** Data sets that an impute step makes; undefined without one. */
export function imputationsOf(steps: readonly Step[] | undefined): number | undefined {
  const found = steps?.find(({ name }) => name === 'impute');
  return found && (found.settings as ImputeSettings).imputations;
}
