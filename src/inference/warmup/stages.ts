// Warm-up as a list of stages: what is adapted, and for how many transitions.

/** In a `stepSize` stage only the step size adapts; a `metric` stage also has the metric estimated at its end. */
export interface WarmupStage {
  readonly adapts: 'stepSize' | 'metric';
  readonly transitions: number;
}

/** Lengths of Stan's schedule: first step-size stage, first metric window, last step-size stage. */
const INITIAL = 75;
const FIRST_WINDOW = 25;
const TERMINAL = 50;
/** Below this many transitions only the step size adapts. */
const SHORTEST_WITH_METRIC = 20;

/** Warm-up with a metric that is known beforehand. */
export function stepSizeStages(transitions: number): readonly WarmupStage[] {
  return transitions === 0 ? [] : [{ adapts: 'stepSize', transitions }];
}

/**
 * Stan's schedule for a warm-up of the given length: step size, metric windows that double, step size again. A warm-up
 * too short for it gives 15 % to the first stage and 10 % to the last (Stan Reference Manual, "Automatic parameter tuning").
 */
export function warmupStages(transitions: number): readonly WarmupStage[] {
  if (transitions === 0) return [];
  if (transitions < SHORTEST_WITH_METRIC) return [{ adapts: 'stepSize', transitions }];
  const isShort = transitions < INITIAL + FIRST_WINDOW + TERMINAL;
  const initial = isShort ? Math.floor(0.15 * transitions) : INITIAL;
  const terminal = isShort ? Math.floor(0.1 * transitions) : TERMINAL;
  const stages: WarmupStage[] = [{ adapts: 'stepSize', transitions: initial }];
  let rest = transitions - initial - terminal;
  for (let window = isShort ? rest : FIRST_WINDOW; rest > 0; window *= 2) {
    // The last window takes what is left when the next one would not fit behind it.
    const length = rest < 3 * window ? rest : window;
    stages.push({ adapts: 'metric', transitions: length });
    rest -= length;
  }
  return [...stages, { adapts: 'stepSize', transitions: terminal }];
}
