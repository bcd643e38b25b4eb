// Proposals of scales: their coordinates, and what they learn of a chain.
import { describe, expect, it } from 'vitest';
import { AdaptiveProposal } from '../../../src/inference/gibbs/adaptiveProposal.js';
import { fromCoordinates, scaleDimension, ScaleMove, toCoordinates } from '../../../src/inference/gibbs/scaleMove.js';
import { drawNormal } from '../../../src/inference/random/distributions.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import { randomValues } from './density.js';
import { exampleOf } from './shapes.js';

const streamOf = (step: number): PhiloxStream => new PhiloxStream(randomKey(8), 0, step, 0);

describe('coordinates and proposals', () => {
  it('lead back to the scales', () => {
    const structure = exampleOf('three levels, a group without information');
    const scales = ScaleMove.scalesOf(randomValues(structure, 'back'), 0);
    const [term] = structure.terms;
    const coordinates = toCoordinates(scales);
    expect(coordinates.length).toBe(scaleDimension(term));
    const back = fromCoordinates(term, coordinates)!.scales;
    toCoordinates(back).forEach((x, i) => expect(x).toBeCloseTo(coordinates[i], 12));
    expect(fromCoordinates(term, coordinates.with(1, -0.1))).toBeUndefined();
  });

  it('fit what they have seen, and survive a snapshot', () => {
    const stream = streamOf(2);
    const proposal = new AdaptiveProposal(2);
    for (let n = 0; n < 20_000; n++) {
      const z = new Float64Array(2);
      new PhiloxStream(randomKey(1), 0, n, 5).fillNormal(z);
      proposal.observe(Float64Array.of(1 + z[0], -2 + 0.5 * z[0] + 0.1 * z[1]));
    }
    expect(proposal.isFitted).toBe(false);
    expect(Math.abs(proposal.slowest)).toBeLessThan(0.03);
    proposal.refit();
    const draws = Array.from({ length: 20_000 }, () => proposal.drawIndependent(stream));
    const mean = (of: (x: Float64Array) => number): number => draws.reduce((sum, x) => sum + of(x), 0) / draws.length;
    expect(mean((x) => x[0])).toBeCloseTo(1, 1);
    expect(mean((x) => x[1])).toBeCloseTo(-2, 1);
    // Variance of Student's t with six degrees of freedom: 1.5 times that of the scale.
    expect(mean((x) => (x[0] - 1) * (x[1] + 2))).toBeCloseTo(0.75, 1);
    const slow = new AdaptiveProposal(1);
    let x = 0;
    for (let n = 0; n < 5000; n++) slow.observe(Float64Array.of((x = 0.9 * x + drawNormal(stream))));
    expect(slow.slowest).toBeCloseTo(0.9, 1);
    for (const isAccepted of [true, false, false, true, false]) slow.note(isAccepted);
    expect(slow.acceptance).toBe(0.4);
    slow.forget();
    expect(slow.acceptance).toBe(0);
    const copy = new AdaptiveProposal(2);
    copy.unpack(proposal.pack());
    expect(copy.drawStep(streamOf(3), Float64Array.of(0, 0))).toEqual(
      proposal.drawStep(streamOf(3), Float64Array.of(0, 0)),
    );
    expect(copy.logDensity(draws[0])).toBe(proposal.logDensity(draws[0]));
  });
});
