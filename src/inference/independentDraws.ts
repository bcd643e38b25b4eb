// Hands independent draws of an approximation to a listener as if they were those of chains.
import type { Draw, DrawListener } from './chain.js';

/** Draws of an approximation that are handed out, in so many chains. */
export interface IndependentDraws {
  readonly chains: number;
  /** Per chain. */
  readonly draws: number;
}

const noPosition = new Float64Array(0);

/**
 * Hands out `chains × draws` draws, chain after chain. `write` puts draw `index` of `chain` into the array given (`[dimension]`) and returns
 * the log density that is known of it, NaN where none is. Sampler statistics of such draws are those of a sampler that accepts everything.
 */
export function handOutDraws(
  { chains, draws }: IndependentDraws,
  dimension: number,
  write: (chain: number, index: number, position: Float64Array) => number,
  listener: Partial<DrawListener>,
): void {
  const { onDraw, wantsDraw = () => true } = listener;
  if (onDraw === undefined) return;
  const position = new Float64Array(dimension);
  for (let chain = 0; chain < chains; chain++) {
    for (let index = 0; index < draws; index++) {
      const isWanted = wantsDraw(chain, 'sampling', index);
      const logDensity = isWanted ? write(chain, index, position) : NaN;
      const draw: Draw = {
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
      };
      onDraw(draw);
    }
  }
}
