// Marginal energy against energy transitions (Betancourt 2016): momentum resampling explores well where they look alike.
import { histogram } from '../../diagnostics/index.js';
import { formatFixed } from '../format.js';
import { BLUE, VERMILLION } from '../palette.js';
import type { ReportSampler } from '../reportInput.js';
import { extent, linearScale } from './axis.js';
import { area, line, steps, under } from './marks.js';
import type { Chart } from './svgChart.js';

const BINS = 40;

type Point = readonly [number, number];

function centred(energies: Float64Array): number[] {
  const mean = energies.reduce((sum, energy) => sum + energy, 0) / energies.length;
  return Array.from(energies, (energy) => energy - mean);
}

function transitions(energies: Float64Array): number[] {
  return Array.from(energies.subarray(1), (energy, index) => energy - energies[index]);
}

/** Chart of 680 × 260 over all chains, each centred at its own mean; null when there is nothing to draw. */
export function energyChart(sampler: ReportSampler): Chart | null {
  const marginal = sampler.energies.flatMap(centred).filter(Number.isFinite);
  const changes = sampler.energies.flatMap(transitions).filter(Number.isFinite);
  if (changes.length < 2) return null;
  const [min, max] = extent([...extent(marginal), ...extent(changes)]);
  const outline = (values: number[]): Point[] => {
    const { edges, counts } = histogram(Float64Array.from(values), BINS);
    return steps(
      edges,
      Array.from(counts, (count, bin) => count / values.length / (edges[bin + 1] - edges[bin])),
    );
  };
  const [energy, transition] = [outline(marginal), outline(changes)];
  const top = extent([...energy, ...transition].map(([, height]) => height))[1] * 1.08;
  const ebfmi = sampler.ebfmi.filter(Number.isFinite);
  return {
    width: 680,
    height: 260,
    left: 18,
    label:
      'Energy plot: distribution of the energy against that of its change from one draw to the next' +
      (ebfmi.length > 0 ? `; smallest E-BFMI ${formatFixed(Math.min(...ebfmi), 2)} (0.3 and above is good).` : '.'),
    x: { ...linearScale(min, max, 7), name: 'energy, centred in each chain' },
    y: { ...linearScale(0, top, 4), name: null },
    marks: [
      area(under(energy), { fill: BLUE, opacity: 0.2 }),
      line(energy, { stroke: BLUE, width: 1.3 }),
      line(transition, { stroke: VERMILLION, width: 1.5, dash: [5, 3] }),
    ],
  };
}
