// Hands independent draws of an approximation to a listener as if they were those of chains.
import type { DrawListener } from './chain.js';

const noPosition = new Float64Array(0);

/**
 * Hands out one draw. Sampler statistics are those of a sampler that accepts everything and takes no steps.
 * @param position unconstrained, `[dimension]`
 */
export function handOutDraw(
  { onDraw, wantsDraw }: Partial<DrawListener>,
  chain: number,
  index: number,
  position: Float64Array,
  logDensity: number,
): void {
  const isWanted = wantsDraw?.(chain, 'sampling', index) ?? true;
  onDraw?.({
    chain,
    phase: 'sampling',
    index,
    position: isWanted ? position : noPosition,
    info: {
      logDensity,
      energy: -logDensity,
      acceptanceRate: 1,
      stepSize: 0,
      treeDepth: 0,
      leapfrogSteps: 0,
      isDivergent: false,
      reachedMaxTreeDepth: false,
    },
  });
}
