// Whether a fit of `gpu-fit` has converged, and how that is said.
import { rhat, type RunningMoments, summariseNamed } from '../../src/diagnostics/index.js';
import { formatTable } from '../table.js';
import { coefficients } from './hierarchical.js';

/** What the population's parameters must reach. */
const limits = { rhat: 1.01, ess: 400 };

export type Judgement = ReturnType<typeof judgeFit>;

/** @param population draws of the means, then of the spreads, `[parameter][chain][draw]`; @param moments of the groups' coefficients */
export function judgeFit(
  population: readonly (readonly Float64Array[])[],
  truth: readonly number[],
  moments: RunningMoments,
) {
  const summaries = population.map((own, i) =>
    summariseNamed(`${i < coefficients ? 'mu' : 'tau'}[${i % coefficients}]`, own),
  );
  const worst = {
    rhat: Math.max(...population.map((own) => rhat(own))),
    ess: Math.min(...summaries.flatMap(({ essBulk, essTail }) => [essBulk, essTail])),
    distance: Math.max(...summaries.map(({ mean, sd }, i) => Math.abs(mean - truth[i]) / sd)),
  };
  const columns = moments.columns();
  return {
    worst,
    truth,
    groupCoefficients: {
      worstSplitRhat: columns.splitRhatMoments.reduce((most, value) => Math.max(most, value), 0),
      shareAbove: share(columns.splitRhatMoments, (value) => !(value < 1.02)),
      leastEss: columns.essBatchMeans.reduce((least, value) => Math.min(least, value), Infinity),
      medianEss: Float64Array.from(columns.essBatchMeans).sort()[columns.essBatchMeans.length >> 1],
    },
    isConverged: worst.rhat < limits.rhat && worst.ess > limits.ess,
    population: summaries,
  };
}

const share = (values: Float64Array, holds: (value: number) => boolean): number =>
  values.reduce((count, value) => count + Number(holds(value)), 0) / values.length;

export function judgedRows({ worst, groupCoefficients }: Judgement): [string, string][] {
  return [
    ['population: largest rank-normalised R-hat', worst.rhat.toFixed(4)],
    ['population: least ESS (bulk, tail)', worst.ess.toFixed(0)],
    ['population: farthest from the truth, posterior sds', worst.distance.toFixed(2)],
    ['group coefficients: largest split R-hat of moments', groupCoefficients.worstSplitRhat.toFixed(4)],
    ['group coefficients: share with split R-hat of 1.02 or more', groupCoefficients.shareAbove.toPrecision(2)],
    [
      'group coefficients: least and median ESS (batch means)',
      `${groupCoefficients.leastEss.toFixed(0)}, ${groupCoefficients.medianEss.toFixed(0)}`,
    ],
  ];
}

export function printPopulation({ population, truth, isConverged }: Judgement): void {
  console.log(
    `\n${formatTable(
      ['population', 'truth', 'mean', 'sd', 'R-hat', 'ESS bulk', 'ESS tail'],
      population.map(({ name, mean, sd, rhat: own, essBulk, essTail }, i) => [
        name,
        truth[i].toFixed(4),
        mean.toFixed(4),
        sd.toFixed(4),
        own.toFixed(4),
        essBulk.toFixed(0),
        essTail.toFixed(0),
      ]),
    )}`,
  );
  console.log(
    isConverged ? '\nconverged' : `\nnot converged: R-hat < ${limits.rhat} and ESS > ${limits.ess} are asked for`,
  );
}

/** Says a line every fifteen seconds at most. */
export function teller(): (line: string) => void {
  const started = performance.now();
  let said = started;
  return (line) => {
    const now = performance.now();
    if (now - said < 15_000) return;
    said = now;
    console.error(`${line} after ${((now - started) / 60_000).toFixed(1)} min`);
  };
}
