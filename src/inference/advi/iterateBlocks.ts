// Iterates of a stochastic climb, kept as moments of blocks: their average, R-hat of its halves, and its Monte-Carlo error.

/** Blocks beyond which neighbours are joined. */
const MOST_BLOCKS = 40;

interface Block {
  readonly mean: Float64Array;
  /** Sums of squared deviations. */
  readonly squares: Float64Array;
}

/** What the later iterates say, over the window of them that looks most stationary. */
export interface IterateWindow {
  readonly average: Float64Array;
  /** R-hat of the window's two halves that 95 % of the means and log scales do not exceed, of all elements or of the global ones. */
  readonly rhat: number;
  /** Root mean square of the Monte-Carlo errors of averaged means and log scales, in units of `errorScales`: of all, or of the global ones. */
  readonly error: number;
}

export class IterateBlocks {
  private blocks: Block[] = [];
  private current: Block;
  private count = 0;

  /** @param judged sets of parameters that are judged, the worst of them counting */
  constructor(
    private readonly size: number,
    private blockLength: number,
    private readonly judged: readonly Int32Array[],
  ) {
    this.current = newBlock(size);
  }

  /** Takes an iterate in; true when it ends a block. */
  add(phi: Float64Array): boolean {
    const { mean, squares } = this.current;
    this.count++;
    for (let i = 0; i < this.size; i++) {
      const deviation = phi[i] - mean[i];
      mean[i] += deviation / this.count;
      squares[i] += deviation * (phi[i] - mean[i]);
    }
    if (this.count < this.blockLength) return false;
    this.blocks.push(this.current);
    this.current = newBlock(this.size);
    this.count = 0;
    if (this.blocks.length >= MOST_BLOCKS) this.join();
    return true;
  }

  get length(): number {
    return this.blocks.length;
  }

  /**
   * The window among the last half, 70 % and 90 % of the blocks with the smallest R-hat (Dhaka et al. 2020, §4; Welandawe et al. 2022, §4.1, who take
   * the largest R-hat over parameters, which by chance alone stays high where there are thousands).
   * @param smallest spread of an iterate below which it counts as still, in units of `errorScales`
   */
  window(errorScales: Float64Array, smallest: number): IterateWindow {
    const windows = [0.5, 0.7, 0.9].map((share) =>
      this.over(Math.ceil(this.blocks.length * (1 - share)), errorScales, smallest),
    );
    return windows.reduce((best, next) => (next.rhat < best.rhat ? next : best));
  }

  private over(first: number, errorScales: Float64Array, smallest: number): IterateWindow {
    const all = this.blocks.slice(first);
    const blocks = all.slice(all.length % 2);
    const half = blocks.length / 2;
    const iterates = half * this.blockLength;
    const average = new Float64Array(this.size);
    const rhats = new Float64Array(this.size);
    const errors = new Float64Array(this.size);
    for (let i = 0; i < this.size; i++) {
      const [early, late] = [
        joined(blocks.slice(0, half), i, this.blockLength),
        joined(blocks.slice(half), i, this.blockLength),
      ];
      average[i] = (early.mean + late.mean) / 2;
      const least = (smallest / errorScales[i]) ** 2;
      const within = (early.squares + late.squares) / (2 * (iterates - 1)) + least;
      const between = (early.mean - late.mean) ** 2 / 2;
      rhats[i] = Math.sqrt((iterates - 1) / iterates + between / within);
      let squares = 0;
      for (const { mean } of blocks) squares += (mean[i] - average[i]) ** 2;
      errors[i] = Math.sqrt(squares / ((blocks.length - 1) * blocks.length)) * errorScales[i];
    }
    const worst = (of: (set: Int32Array) => number): number => Math.max(...this.judged.map(of));
    return {
      average,
      rhat: worst((set) => Float64Array.from(set, (i) => rhats[i]).sort()[Math.floor(0.95 * (set.length - 1))]),
      error: worst((set) => rootMeanSquare(set, errors)),
    };
  }

  private join(): void {
    const pairs: Block[] = [];
    for (let b = 0; b + 1 < this.blocks.length; b += 2) {
      const block = newBlock(this.size);
      for (let i = 0; i < this.size; i++) {
        const { mean, squares } = joined([this.blocks[b], this.blocks[b + 1]], i, this.blockLength);
        block.mean[i] = mean;
        block.squares[i] = squares;
      }
      pairs.push(block);
    }
    this.blocks = pairs;
    this.blockLength *= 2;
  }
}

/** Over some elements of a vector. */
export function rootMeanSquare(indices: Int32Array, values: Float64Array): number {
  return Math.sqrt(indices.reduce((sum, i) => sum + values[i] * values[i], 0) / indices.length);
}

function newBlock(size: number): Block {
  return { mean: new Float64Array(size), squares: new Float64Array(size) };
}

/** Moments of one parameter over blocks of equal length. */
function joined(blocks: readonly Block[], i: number, length: number): { mean: number; squares: number } {
  let mean = 0;
  for (const block of blocks) mean += block.mean[i] / blocks.length;
  let squares = 0;
  for (const block of blocks) squares += block.squares[i] + length * (block.mean[i] - mean) ** 2;
  return { mean, squares };
}
