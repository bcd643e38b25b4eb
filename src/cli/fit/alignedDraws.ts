// Stored draws of what is identified up to a rotation of factors, turned alike over all chains before they are summarised.
import type { PosteriorReader, ScalarBlock } from '../../data/run/posteriorReader.js';
import { alignLoadings, rotate } from '../../diagnostics/index.js';
import type { Site } from '../../models/model.js';

type StoredDraws = Pick<PosteriorReader, 'chains' | 'draws' | 'sites' | 'readBlock'>;

/** What reading a site takes. */
export interface StoredSite extends Pick<Site, 'name' | 'shape'> {
  /** As in `Site`; its last axis is that of the factors. */
  readonly rotation?: Pick<NonNullable<Site['rotation']>, 'loadings'>;
}

/** Blocks of a site's scalars, the draws as they are stored, or turned where the site says so. */
export class AlignedDraws {
  private readonly rotations = new Map<string, Promise<Rotations>>();

  constructor(private readonly reader: StoredDraws) {}

  /** Scalars `start … start + count − 1`; of a site that is turned whole rows of factors. */
  async readBlock({ name, shape, rotation }: StoredSite, start: number, count: number): Promise<ScalarBlock> {
    const block = await this.reader.readBlock(name, start, count);
    if (rotation === undefined) return block;
    const rotations = await this.rotationsOf(rotation.loadings);
    const factors = shape.at(-1)!;
    for (let row = 0; row < count; row += factors) turn(block.draws.slice(row, row + factors), rotations, factors);
    return block;
  }

  private rotationsOf(loadings: string): Promise<Rotations> {
    let known = this.rotations.get(loadings);
    if (known === undefined) this.rotations.set(loadings, (known = rotationsOf(this.reader, loadings)));
    return known;
  }
}

/** Q of every draw, `[chain][draw]`. */
type Rotations = readonly (readonly Float64Array[])[];

/**
 * Loadings count in units of their coefficients' common parts (the root of the mean of ΛΛ'), so that neither the units of the data nor those of the model
 * say which coefficients the alignment looks at.
 */
async function rotationsOf(reader: StoredDraws, name: string): Promise<Rotations> {
  const [size, factors] = reader.sites.find((site) => site.name === name)!.shape;
  const { draws } = await reader.readBlock(name, 0, size * factors);
  const scales = Array.from({ length: size }, (_, i) => {
    const squares = draws.slice(i * factors, (i + 1) * factors).flatMap((chains) => chains.map(meanSquare));
    return Math.sqrt(squares.reduce((sum, x) => sum + x, 0) / reader.chains) || 1;
  });
  const loadings = Array.from({ length: reader.chains }, (_, chain) =>
    Array.from({ length: reader.draws }, (_unused, draw) =>
      Float64Array.from(draws, (own, at) => own[chain][draw] / scales[Math.floor(at / factors)]),
    ),
  );
  return alignLoadings(loadings, factors).rotations;
}

const meanSquare = (values: Float64Array): number => values.reduce((sum, x) => sum + x * x, 0) / values.length;

/** Turns one row, `[factor][chain][draw]`, in place. */
function turn(row: readonly (readonly Float64Array[])[], rotations: Rotations, factors: number): void {
  const own = new Float64Array(factors);
  for (const [chain, ofDraws] of rotations.entries()) {
    for (const [draw, rotation] of ofDraws.entries()) {
      for (let f = 0; f < factors; f++) own[f] = row[f][chain][draw];
      for (const [f, value] of rotate(own, rotation, factors).entries()) row[f][chain][draw] = value;
    }
  }
}
