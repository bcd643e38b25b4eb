// Positions of the three-level model: by block, at random, and how its coefficients are sampled.
import { positionBlocks } from '../../src/inference/compiledModel.js';
import type { Model } from '../../src/models/model.js';
import { quantityOf } from './evaluateModel.js';
import type { RandomNumbers } from './random.js';
import type { ReferenceCentring } from './threeLevelReference.js';

/** A plausible random position: coefficients of the order of 1, spreads and residual within a factor of a few. */
export function randomPosition(model: Model, random: RandomNumbers): Float64Array {
  const scale = (name: string): number => (name.startsWith('sigma') ? 0.5 : name.startsWith('cholesky') ? 0.6 : 1.5);
  return Float64Array.from(positionBlocks(model).flatMap(({ name, size }) => [...random.normals(size, scale(name))]));
}

export function blocksOf(model: Model, position: Float64Array): Map<string, number[]> {
  return new Map(
    positionBlocks(model).map(({ name, offset, size }) => [name, [...position.slice(offset, offset + size)]]),
  );
}

export function positionOf(model: Model, blocks: Readonly<Record<string, ArrayLike<number>>>): Float64Array {
  return Float64Array.from(
    positionBlocks(model).flatMap(({ name, size }) => Array.from(blocks[name] ?? new Float64Array(size))),
  );
}

/** λ of each coefficient: with a spread of 3, moving what is sampled by 1 moves the coefficient by 3^(1−λ). */
export async function centringOf(model: Model): Promise<ReferenceCentring> {
  const blocks = positionBlocks(model);
  const sizeOf = (name: string): number => blocks.find((block) => block.name === name)?.size ?? 0;
  const sites = await quantityOf(model, 'sites');
  const spread = (name: string): Float64Array => new Float64Array(sizeOf(name)).fill(Math.log(3));
  const spreads = { sigma_u: spread('sigma_u'), sigma_v: spread('sigma_v') };
  const moves = async (name: string): Promise<number[]> => {
    const width = sizeOf(name === 'beta' ? 'sigma_u' : 'sigma_v');
    const at = async (k: number): Promise<number> => {
      const moved = new Float64Array(sizeOf(name));
      if (k >= 0) moved[k] = 1;
      const values = (await sites(positionOf(model, { ...spreads, [name]: moved }))).get(name)!;
      return values.reduce((sum, value) => sum + Math.abs(value), 0);
    };
    const still = await at(-1);
    const shares: number[] = [];
    for (let k = 0; k < width; k++) shares.push(Number((1 - Math.log((await at(k)) - still) / Math.log(3)).toFixed(9)));
    return shares;
  };
  return { unit: await moves('beta'), market: sizeOf('sigma_v') > 0 ? await moves('gamma') : [] };
}
