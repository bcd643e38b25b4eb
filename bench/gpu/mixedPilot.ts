// A pilot fit to some of the groups by Gibbs sweeps: where the whole fit's chains start.
import { GibbsRun } from '../../src/inference/gibbs/run.js';
import type { Device } from '../../src/kernels/device.js';
import { declaredHierarchical } from './declaredHierarchical.js';
import { coefficients, hierarchicalData } from './hierarchical.js';

export const mostPilotRows = 20_000;
const sweeps = { chains: 4, warmup: 100, draws: 150 };

/** Of log τ and μ: middle, and half-width of the start, `[coefficient]`. */
export interface PopulationStart {
  readonly tau: { readonly centre: Float64Array; readonly sd: Float64Array };
  readonly mu: { readonly centre: Float64Array; readonly sd: Float64Array };
}

/** From the first rows of the data: their posterior is wide beside that of all rows. @param say told how far it is */
export async function pilotStart(device: Device, seed: number, say: (text: string) => void): Promise<PopulationStart> {
  const count = 2 * coefficients;
  const sums = new Float64Array(count);
  const squares = new Float64Array(count);
  let draws = 0;
  const run = new GibbsRun(
    declaredHierarchical(hierarchicalData(mostPilotRows)),
    { ...sweeps, seed },
    {
      onDraw: ({ phase, index, position }) => {
        say(`pilot fit, ${phase} ${index + 1}`);
        if (phase === 'warmup') return;
        draws++;
        for (let i = 0; i < count; i++) {
          sums[i] += position[i];
          squares[i] += position[i] ** 2;
        }
      },
      wantsDraw: (_, phase) => phase === 'sampling',
    },
    { device },
  );
  await run.run();
  const centre = sums.map((sum) => sum / draws);
  const sd = squares.map((square, i) => Math.sqrt(Math.max(0, square / draws - centre[i] ** 2)));
  // Positions begin with log τ and μ.
  const part = (from: number) => ({
    centre: centre.slice(from, from + coefficients),
    sd: sd.slice(from, from + coefficients),
  });
  return { tau: part(0), mu: part(coefficients) };
}
