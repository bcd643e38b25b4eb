// Where chains of the HBMMM start: around the pilot estimates, as wide as those are uncertain.
import { covarianceStart, levelStart, populationStart } from '../linearHierarchy/levelStart.js';
import type { StartingPoint } from '../model.js';
import { type Block, type Declaration, parameterNames } from './declare.js';
import { type HbmmmPilot, pilotPlaces, populationErrors } from './pilot.js';

export function hbmmmStart(
  { data, design, priors, blocks, centring }: Declaration,
  pilot: HbmmmPilot,
  scale: 'sigma' | 'phi' | undefined,
): Record<string, StartingPoint> {
  const { layout } = design;
  const consumers = data.units.count;
  const markets = data.markets!.names.length;
  const q = layout.traits + 1;
  const places = pilotPlaces(layout);
  const width = layout.p * q;
  const marketSd = Float64Array.from(places, (at) => pilot.marketSd![at]);
  const mean = Float64Array.from(places, (at) => pilot.population[at]);
  const marketValues = new Float64Array(markets * layout.size);
  const marketSds = new Float64Array(markets * layout.size);
  for (let market = 0; market < markets; market++) {
    for (const [a, at] of places.entries()) {
      marketValues[market * layout.size + a] = pilot.marketCoefficients![market * width + at];
      marketSds[market * layout.size + a] = pilot.marketCoefficientSd![market * width + at];
    }
  }
  const spreadSd = (groups: number): number => 1 / Math.sqrt(2 * Math.max(1, groups));
  const start: Record<string, StartingPoint> = {
    ...(scale === 'sigma' && {
      [parameterNames.sigma]: { centre: [Math.log(pilot.sigma)], sd: [spreadSd(data.rows)] },
    }),
    // From a variance of twice the mean's square down to nearly that of Poisson.
    ...(scale === 'phi' && { [parameterNames.phi]: { centre: [0], sd: [1] } }),
    // Without shrinkage chains start as near as the consumers' spreads say, not as far as their estimates' errors.
    ...populationStart(
      parameterNames.population,
      priors.population,
      mean,
      populationErrors(
        data,
        design,
        priors.population.horseshoe ? pilot : { ...pilot, unitShare: pilot.unitShare.map(() => 1) },
      ),
    ),
  };
  const set = (
    { covariance, places: own }: Block,
    groups: number,
    spreads: ArrayLike<number>,
    widest: number,
  ): void => {
    const sd = Math.max(widest, spreadSd(groups));
    Object.assign(
      start,
      covarianceStart(
        covariance,
        Float64Array.from(own, (place) => spreads[place]),
        sd,
        groups,
      ),
    );
  };
  for (const block of blocks.market) {
    set(block, markets, marketSd, 0.2);
    start[block.coefficients] = levelStart(
      markets,
      block.places.map((place) => centring.market[place]),
      pick(marketValues, layout.size, block.places),
      pick(marketSds, layout.size, block.places),
      Float64Array.from(block.places, (place) => marketSd[place]),
      (_, i) => mean[block.places[i]],
    );
  }
  const own = consumerEstimates(data.units.market!, design, pilot, consumers);
  for (const block of blocks.consumer) {
    set(block, consumers, pilot.unitSd, 0);
    start[block.coefficients] = levelStart(
      consumers,
      block.places.map((place) => centring.consumer[place]),
      pick(own.values, layout.p, block.places),
      pick(own.sds, layout.p, block.places),
      Float64Array.from(block.places, (place) => pilot.unitSd[place]),
      (consumer, i) => own.means[consumer * layout.p + block.places[i]],
    );
  }
  return start;
}

/** Columns of `[member][width]`. */
function pick(values: Float64Array, width: number, places: readonly number[]): Float64Array {
  const k = places.length;
  return Float64Array.from({ length: (values.length / width) * k }, (_, i) => {
    return values[Math.floor(i / k) * width + places[i % k]];
  });
}

/** Coefficients of every consumer: the pilot's, or, of those that it left out, what market and traits predict. */
function consumerEstimates(
  market: Int32Array,
  { layout, traits }: Declaration['design'],
  pilot: HbmmmPilot,
  consumers: number,
): { readonly values: Float64Array; readonly means: Float64Array; readonly sds: Float64Array } {
  const { p } = layout;
  const means = new Float64Array(consumers * p);
  const sds = new Float64Array(consumers * p);
  for (let consumer = 0; consumer < consumers; consumer++) {
    for (let i = 0; i < p; i++) {
      const from = (market[consumer] * p + i) * (layout.traits + 1);
      let mean = pilot.marketCoefficients![from];
      for (const [m, column] of traits.columns.entries())
        mean += pilot.marketCoefficients![from + 1 + m] * column[consumer];
      means[consumer * p + i] = mean;
      sds[consumer * p + i] = pilot.unitSd[i];
    }
  }
  const values = means.slice();
  for (const [at, consumer] of pilot.consumers.entries()) {
    for (let i = 0; i < p; i++) {
      means[consumer * p + i] = pilot.unitMeans[at * p + i];
      values[consumer * p + i] = pilot.unitCoefficients[at * p + i];
      sds[consumer * p + i] = pilot.unitCoefficientSd[at * p + i];
    }
  }
  return { values, means, sds };
}
