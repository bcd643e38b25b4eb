// What the ranks of a simulation-based calibration say: uniformity of each scalar, coverage of intervals by class.
import type { CheckResult } from './figureCheck.js';
import { RankUniformity } from './rankUniformity.js';

/** Scalars of one site. */
export interface CalibrationClass {
  readonly site: string;
  readonly level: 'population' | 'group';
  readonly names: readonly string[];
  /** `[simulation][scalar]`: how many of the ranked draws lie below the true value. */
  readonly ranks: readonly (readonly number[])[];
}

export interface CalibratedScalar {
  readonly name: string;
  /** Of the simultaneous test of uniform ranks. */
  readonly pValue: number;
  /** Share of simulations in which the central 90 % interval holds the true value. */
  readonly coverage90: number;
  /** `[simulation]` */
  readonly ranks: readonly number[];
}

export interface CalibratedClass {
  readonly site: string;
  readonly level: 'population' | 'group';
  readonly scalars: number;
  /** Mean coverage over scalars and simulations, and its standard error (simulations are independent, scalars are not). */
  readonly coverage50: number;
  readonly coverage90: number;
  readonly coverage90Error: number;
}

export interface CalibrationFigures {
  readonly simulations: number;
  /** Values that a rank can take. */
  readonly rankValues: number;
  /** Of the population's sites. */
  readonly scalars: readonly CalibratedScalar[];
  readonly classes: readonly CalibratedClass[];
  readonly checks: readonly CheckResult[];
}

/** Simulations below which a shape of ranks can hardly be told from another. */
const FEWEST_SIMULATIONS = 50;
/** Probabilities, over all scalars, of a check that fails, or asks for a look, though the method is exact. */
const LEVELS = { fail: 0.005, review: 0.05 } as const;
const WORST_NAMED = 3;

/** @param rankValues one more than the draws that are ranked */
export function calibrationFigures(classes: readonly CalibrationClass[], rankValues: number): CalibrationFigures {
  const simulations = classes[0].ranks.length;
  const uniformity = new RankUniformity(simulations, rankValues);
  const scalars = classes
    .filter(({ level }) => level === 'population')
    .flatMap(({ names, ranks }) =>
      names.map((name, i): CalibratedScalar => {
        const own = ranks.map((simulation) => simulation[i]);
        return { name, pValue: uniformity.pValue(own), coverage90: coverage(own, rankValues, 0.9), ranks: own };
      }),
    );
  return {
    simulations,
    rankValues,
    scalars,
    classes: classes.map((entry) => classFigures(entry, rankValues)),
    checks: [rankCheck(scalars, simulations)],
  };
}

/** Share of ranks inside the central interval of this probability; the width in ranks is whole for 100 values. */
function coverage(ranks: readonly number[], rankValues: number, probability: number): number {
  const tail = Math.round(((1 - probability) / 2) * rankValues);
  return ranks.filter((rank) => rank >= tail && rank < rankValues - tail).length / ranks.length;
}

function classFigures({ site, level, names, ranks }: CalibrationClass, rankValues: number): CalibratedClass {
  const means = (probability: number): number[] => ranks.map((own) => coverage(own, rankValues, probability));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);
  const ninety = means(0.9);
  const centre = mean(ninety);
  const variance = ninety.reduce((sum, value) => sum + (value - centre) ** 2, 0) / Math.max(1, ninety.length - 1);
  return {
    site,
    level,
    scalars: names.length,
    coverage50: mean(means(0.5)),
    coverage90: centre,
    coverage90Error: Math.sqrt(variance / ninety.length),
  };
}

function rankCheck(scalars: readonly CalibratedScalar[], simulations: number): CheckResult {
  const worst = [...scalars].sort((a, b) => a.pValue - b.pValue);
  const adjusted = Math.min(1, worst[0].pValue * scalars.length);
  const named = worst
    .slice(0, WORST_NAMED)
    .map(({ name, pValue }) => `${name} ${pValue.toPrecision(2)}`)
    .join(', ');
  const seen = `Ranks of ${scalars.length} population scalars in ${simulations} simulations; smallest p-values: ${named}; adjusted for their number ${adjusted.toPrecision(2)}`;
  const few =
    simulations < FEWEST_SIMULATIONS ? ` Fewer than ${FEWEST_SIMULATIONS} simulations show only gross faults.` : '';
  if (adjusted >= LEVELS.review) return { name: 'ranks', status: 'pass', detail: `${seen}: uniform.${few}` };
  const detail = `${seen}: not what uniform ranks give. A ∪ shape means intervals too narrow, a ∩ shape too wide, a slope a bias; run more simulations to be sure.${few}`;
  return { name: 'ranks', status: adjusted < LEVELS.fail ? 'fail' : 'review', detail };
}
