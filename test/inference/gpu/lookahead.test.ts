// Planning ahead follows the cost of a gradient against that of a round trip.
import { describe, expect, it } from 'vitest';
import { Lookahead } from '../../../src/inference/gpu/lookahead.js';

/** What is chosen when a batch takes `roundTrip + perRound × rounds` milliseconds, and now and then much longer. */
function chosen(roundTrip: number, perRound: number, most = 16): number {
  const lookahead = new Lookahead(most);
  for (let batch = 0; batch < 60; batch++) {
    const rounds = 1 + (batch % 7);
    lookahead.observe(rounds, roundTrip + perRound * rounds + (batch % 4 === 0 ? 50 * Math.random() : 0));
  }
  return lookahead.steps;
}

describe('lookahead', () => {
  it('is all there is room for while nothing is known', () => {
    const lookahead = new Lookahead(8);
    expect(lookahead.steps).toBe(8);
    for (let batch = 0; batch < 9; batch++) lookahead.observe(5, 1);
    lookahead.observe(0, 1);
    expect(lookahead.steps).toBe(8);
  });

  it('is 1 where gradients are dear', () => {
    expect(chosen(0.05, 1.4)).toBe(1);
  });

  it('is long where round trips are', () => {
    expect(chosen(0.5, 0.01)).toBe(16);
    expect(chosen(0.5, 0.01, 4)).toBe(4);
  });

  it('is where the cost of a used step is least', () => {
    const [roundTrip, perRound] = [0.1, 0.06];
    const costs = Array.from({ length: 16 }, (_, i) => (roundTrip / (i + 1) + perRound) * (1 + i / 16));
    expect(chosen(roundTrip, perRound)).toBe(1 + costs.indexOf(Math.min(...costs)));
  });
});
