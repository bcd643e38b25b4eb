// The scalars of a run's sites in blocks that one thread reads and summarises at a time, in bounded memory.
import { scalarNames } from '../../data/run/names.js';
import type { Coordinates } from '../../data/run/siteDescription.js';
import { type NamedSummary, summariseNamed } from '../../diagnostics/index.js';
import { sizeOf } from '../../kernels/program/tensorProgram.js';
import { isFixedElement, type Site } from '../../models/model.js';
import type { AlignedDraws, StoredSite } from './alignedDraws.js';

/** Memory that the draws of one block take, and fewest scalars that are divided among threads. */
const mostBytes = 32 * 1024 * 1024;
const fewestToDivide = 64;

/** Scalars `start … start + count − 1` of a site; plain data, which goes to threads. */
export interface SummaryBlock {
  readonly site: StoredSite;
  readonly start: number;
  readonly count: number;
  /** Elements that are not fixed by construction, and their names. */
  readonly elements: readonly number[];
  readonly names: readonly string[];
}

/** @param scalarBytes of all draws of one scalar */
export function summaryBlocks(site: Site, coords: Coordinates, scalarBytes: number, threads: number): SummaryBlock[] {
  const { name, shape, rotation } = site;
  const size = sizeOf(shape);
  const names = [...scalarNames(site, coords)];
  // Draws that are turned are read row by row.
  const row = rotation === undefined ? 1 : shape.at(-1)!;
  const most = Math.max(1, Math.floor(mostBytes / scalarBytes));
  const parts = size < fewestToDivide ? Math.ceil(size / most) : threads * Math.ceil(size / (threads * most));
  const length = row * Math.ceil(size / parts / row);
  return Array.from({ length: Math.ceil(size / length) }, (_, i) => {
    const start = i * length;
    const count = Math.min(length, size - start);
    const elements = Array.from({ length: count }, (__, offset) => start + offset).filter(
      (element) => !isFixedElement(site, element),
    );
    const stored: StoredSite = { name, shape, ...(rotation && { rotation: { loadings: rotation.loadings } }) };
    return { site: stored, start, count, elements, names: elements.map((element) => names[element]) };
  });
}

/** Summaries in the order of the names; `superchains` as in `summarise`. */
export async function summariseBlock(
  draws: AlignedDraws,
  { site, start, count, elements, names }: SummaryBlock,
  superchains: number,
): Promise<NamedSummary[]> {
  const block = await draws.readBlock(site, start, count);
  return elements.map((element, i) => summariseNamed(names[i], block.draws[element - start], superchains));
}
