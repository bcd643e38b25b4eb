// A pilot fit to some of the groups: where the population's parameters lie and how they vary together, for the coordinates of the whole fit.
import { compileDensity, modelSettings, SamplingRun, type Draw } from '../../src/inference/index.js';
import { cholesky } from '../../src/inference/linearAlgebra.js';
import type { Device } from '../../src/kernels/device.js';
import { hierarchicalData } from './hierarchical.js';
import {
  type PopulationCoordinates,
  populationSize,
  roughCoordinates,
  roundHierarchical,
  valuesAt,
} from './roundHierarchical.js';

const mostRows = 20_000;
const chains = 4;
const transitions = { warmup: 250, draws: 250 };

/**
 * Coordinates for a fit to so many rows, of which the pilot's are the first. HMC with a dense block over the population.
 * @param progress told the share that is done
 */
export async function pilotCoordinates(
  device: Device,
  rows: number,
  seed: number,
  progress: (share: number) => void,
): Promise<PopulationCoordinates> {
  const data = hierarchicalData(Math.min(rows, mostRows));
  const rough = roughCoordinates(data.groups);
  const model = roundHierarchical(data, rough);
  const density = await compileDensity(model, device, chains);
  const centre = new Float64Array(populationSize);
  const products = new Float64Array(populationSize ** 2);
  const values = new Float64Array(populationSize);
  const deviation = new Float64Array(populationSize);
  let count = 0;
  let done = 0;
  const onDraw = ({ phase, position }: Draw): void => {
    progress(++done / (chains * (transitions.warmup + transitions.draws)));
    if (phase === 'warmup') return;
    count++;
    valuesAt(rough, position, values);
    for (let i = 0; i < populationSize; i++) {
      deviation[i] = values[i] - centre[i];
      centre[i] += deviation[i] / count;
    }
    for (let i = 0; i < populationSize; i++) {
      for (let j = 0; j < populationSize; j++) {
        products[i * populationSize + j] += deviation[i] * (values[j] - centre[j]);
      }
    }
  };
  try {
    const settings = modelSettings(model, {
      method: 'hmc',
      chains,
      ...transitions,
      seed,
      hmc: { integrationTime: 5, lengthJitter: 0.3, stepSizeJitter: 0.05 },
      metric: { kind: 'block', dense: Array.from({ length: populationSize }, (_, i) => i) },
      targetAcceptance: 0.7,
    });
    await new SamplingRun(density, settings, { onDraw, wantsDraw: (_, phase) => phase === 'sampling' }).run();
  } finally {
    await density.dispose();
  }
  const share = data.rows / rows / (count - 1);
  const factor = cholesky(
    products.map((product) => product * share),
    populationSize,
  );
  if (!factor) throw new Error('the pilot fit is too short: its covariance is not positive definite');
  return { centre, factor };
}
