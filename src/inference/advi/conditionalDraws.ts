// Draws of a conditionally linear normal, block by block, and the pass back to its parameters, in the memory of their kernels.
import { ConditionalKernels, kernelMemory, type KernelTables } from './conditionalKernels.js';
import type { DependencePattern } from './pattern.js';

const pageBytes = 65536;

/** A stretch of the memory, and where it begins. */
interface Stretch {
  readonly address: number;
  readonly values: Float64Array;
}

/** δ of every node for a block of draws. */
interface Block extends Stretch {
  readonly draws: number;
}

export class ConditionalDraws {
  private readonly memory = new WebAssembly.Memory({
    initial: kernelMemory.minimum,
    maximum: kernelMemory.maximum,
    shared: kernelMemory.shared,
  });
  private next = 0;
  private readonly addresses = new WeakMap<Float64Array, number>();
  /** Rows of the sums behind those of the elements, of arrays from here. */
  private readonly rowsOfSums = new WeakMap<Float64Array, Float64Array>();
  private readonly kernels = new Map<number, ConditionalKernels>();
  private readonly blocks: Block[] = [];
  private readonly tables: Omit<KernelTables, 'noise' | 'deltas'>;
  private readonly phi: Stretch;
  private readonly sds: Stretch;
  private readonly gradient: Stretch;
  /** Noise, positions and adjoints of a block that come from elsewhere. */
  private noise: Stretch;
  private positions: Stretch;
  private adjoints: Stretch;

  constructor(private readonly pattern: DependencePattern) {
    const { dimension, order, start, parents, sums } = pattern;
    const size = 2 * dimension + parents.length;
    this.phi = this.allocate(size);
    this.gradient = this.allocate(size);
    this.sds = this.allocate(dimension);
    this.noise = this.positions = this.adjoints = this.allocate(0);
    const nodes = this.allocate(2 * order.length);
    const records = new Int32Array(this.memory.buffer, nodes.address, 4 * order.length);
    order.forEach((node, k) => {
      records.set([node, node < dimension ? 0 : sums[node - dimension], start[node], start[node + 1]], 4 * k);
    });
    const parentTable = this.allocate(Math.ceil(parents.length / 2));
    new Int32Array(this.memory.buffer, parentTable.address, parents.length).set(parents);
    this.tables = {
      nodes: nodes.address,
      nodeCount: order.length,
      parents: parentTable.address,
      sds: this.sds.address,
      phi: this.phi.address,
      gradient: this.gradient.address,
      dimension,
    };
  }

  /** δ of every node for the blocks drawn last, `[node][draw]` each. */
  get deltas(): readonly Float64Array[] {
    return this.blocks.map(({ values }) => values);
  }

  /** Numbers of the memory, with room behind them for the rows of sums. */
  array(length: number): Float64Array {
    const { dimension, sums } = this.pattern;
    const room = Math.ceil((length * sums.length) / dimension);
    const { values: all, address } = this.allocate(length + room);
    const values = all.subarray(0, length);
    this.addresses.set(values, address);
    this.rowsOfSums.set(values, all.subarray(length));
    return values;
  }

  transform(phi: Float64Array, noise: Float64Array, draws: number, positions: Float64Array, index: number): void {
    const { dimension, order } = this.pattern;
    const length = dimension * draws;
    this.phi.values.set(phi);
    for (let i = 0; i < dimension; i++) this.sds.values[i] = Math.exp(phi[dimension + i]);
    const block = this.blocks[index]?.draws === draws ? this.blocks[index] : this.newBlock(order.length, draws);
    this.blocks[index] = block;
    let target = this.addresses.get(positions);
    if (target === undefined) {
      this.positions = this.sized(this.positions, length);
      target = this.positions.address;
    }
    this.kernelsOf(draws).forward(
      { ...this.tables, noise: this.addressOfNoise(noise, length), deltas: block.address },
      target,
    );
    if (target === this.positions.address) positions.set(this.positions.values.subarray(0, length));
  }

  /** Overwrites slopes that are an array from here. */
  pullback(noise: Float64Array, draws: number, slopes: Float64Array, gradient: Float64Array, index: number): void {
    const { dimension, order } = this.pattern;
    const length = dimension * draws;
    let adjoints = slopes.length === length ? this.addresses.get(slopes) : undefined;
    if (adjoints === undefined) {
      this.adjoints = this.sized(this.adjoints, order.length * draws);
      const { values } = this.adjoints;
      values.set(slopes.length === length ? slopes : slopes.subarray(0, length));
      values.fill(0, length);
      adjoints = this.adjoints.address;
    } else this.rowsOfSums.get(slopes)!.fill(0);
    this.gradient.values.fill(0);
    this.kernelsOf(draws).backward(
      { ...this.tables, noise: this.addressOfNoise(noise, length), deltas: this.blocks[index].address },
      adjoints,
    );
    const own = this.gradient.values;
    for (let i = 0; i < own.length; i++) gradient[i] += own[i];
  }

  private addressOfNoise(noise: Float64Array, length: number): number {
    const known = this.addresses.get(noise);
    if (known !== undefined) return known;
    this.noise = this.sized(this.noise, length);
    this.noise.values.set(noise.length === length ? noise : noise.subarray(0, length));
    return this.noise.address;
  }

  private kernelsOf(draws: number): ConditionalKernels {
    const known = this.kernels.get(draws);
    if (known !== undefined) return known;
    if (draws % 2 > 0 || draws < 2) throw new RangeError(`draws: ${draws} is not even`);
    const kernels = new ConditionalKernels(this.memory, draws);
    this.kernels.set(draws, kernels);
    return kernels;
  }

  private newBlock(nodes: number, draws: number): Block {
    return { ...this.allocate(nodes * draws), draws };
  }

  private sized(stretch: Stretch, length: number): Stretch {
    return stretch.values.length >= length ? stretch : this.allocate(length);
  }

  /** A stretch of zeros at the end of the memory. Throws RangeError when 4 GiB are full. */
  private allocate(length: number): Stretch {
    const address = this.next;
    this.next += Math.ceil(length / 8) * 64;
    const missing = this.next - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / pageBytes));
    return { address, values: new Float64Array(this.memory.buffer, address, length) };
  }
}
