// Cuts an array [chain, draw, ...shape] into files: some draws of one chain each, under 8 MiB, a contiguous run of scalars.

/** Draws per file: as many as fit in this, within these limits, unless so many draws would not fit in the buffer. */
const FILE_BYTES = 64 * 1024;
const FEWEST_DRAWS = 100;
const MOST_DRAWS = 1000;
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;
/** Most memory that the chunks being filled, of all chains together, may take for one site. */
const MAX_BUFFER_BYTES = 128 * 1024 * 1024;
/** Everything is planned for 8-byte numbers; smaller types come out smaller. */
const BYTES = 8;

/** One column of files: the scalars `start … start + length − 1` of every draw. */
interface ChunkBlock {
  readonly start: number;
  readonly length: number;
  /** Chunk indices of the axes after `draw`, as in the file's path (`1/0`; empty for a scalar). */
  readonly key: string;
}

export interface ChunkPlan {
  readonly chunkDraws: number;
  /** Chunk lengths of the axes after `draw`. */
  readonly chunkShape: readonly number[];
  /** Scalars per draw that a file has room for; the last block of an axis may use fewer, the rest is fill. */
  readonly stride: number;
  readonly blocks: readonly ChunkBlock[];
}

/**
 * The plan depends on the shape and the number of chains only, so that a resumed run, also one with more draws, cuts alike.
 * Trailing axes stay whole, one axis is cut, axes before it have chunk length 1: each block is contiguous in row-major order.
 * @param chunkDraws draws per file of what is on disk already
 */
export function planChunks(
  shape: readonly number[],
  chains: number,
  chunkDraws = drawsPerFile(shape, chains),
): ChunkPlan {
  const chunkShape = cutShape(shape, Math.floor((MAX_CHUNK_BYTES - 1) / (chunkDraws * BYTES)));
  return {
    chunkDraws,
    chunkShape,
    stride: chunkShape.reduce((product, length) => product * length, 1),
    blocks: [...listBlocks(shape, chunkShape)],
  };
}

function drawsPerFile(shape: readonly number[], chains: number): number {
  const drawBytes = shape.reduce((product, length) => product * length, 1) * BYTES;
  const fitting = Math.max(FEWEST_DRAWS, Math.min(MOST_DRAWS, Math.floor(FILE_BYTES / drawBytes)));
  return Math.max(1, Math.min(fitting, Math.floor(MAX_BUFFER_BYTES / (chains * drawBytes))));
}

function cutShape(shape: readonly number[], room: number): number[] {
  const chunkShape = shape.map(() => 1);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] > room) {
      chunkShape[axis] = Math.max(1, room);
      break;
    }
    chunkShape[axis] = shape[axis];
    room = Math.floor(room / shape[axis]);
  }
  return chunkShape;
}

function* listBlocks(shape: readonly number[], chunkShape: readonly number[]): Generator<ChunkBlock> {
  const counts = shape.map((length, axis) => Math.ceil(length / chunkShape[axis]));
  const total = counts.reduce((product, count) => product * count, 1);
  const index = shape.map(() => 0);
  for (let block = 0, start = 0; block < total; block++) {
    const length = shape.reduce((product, full, axis) => {
      return product * Math.min(chunkShape[axis], full - index[axis] * chunkShape[axis]);
    }, 1);
    yield { start, length, key: index.join('/') };
    start += length;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === counts[axis]; axis--) index[axis] = 0;
  }
}
