// Where a program's arrays lie in the buffers of a GPU: pages no larger than one binding, for arrays of lanes and for data.
import { columnOf, type DataArray, inspect, type Storage, storageBytes } from '../memoryLayout.js';

/** An array of lanes: `elements` × lane groups vectors, from vector `start` of a page. */
export interface LaneArray {
  readonly page: number;
  /** In vectors of lanes. */
  readonly start: number;
  readonly elements: number;
}

/** A run of a column in one page of data. */
export interface ColumnPart {
  readonly page: number;
  /** In words of 32 bits. */
  readonly start: number;
  /** Position in the column at which this part begins. */
  readonly from: number;
}

/** A column of numbers on the device. */
export interface DeviceColumn {
  readonly name: string;
  readonly storage: Exclude<Storage, 'f64'>;
  readonly length: number;
  /** In order; more than one where a column is longer than a page. */
  readonly parts: readonly ColumnPart[];
  /** Writes the column's words between two positions (the first one of a part) into `words`. */
  readonly fill: (words: Uint32Array, from: number, to: number) => void;
}

export type GpuColumn = { readonly constant: number } | DeviceColumn;

/** A page of data as it is to be written to a buffer: pieces of columns. */
export interface DataPage {
  bytes: number;
  readonly pieces: {
    readonly column: DeviceColumn;
    readonly start: number;
    readonly from: number;
    readonly to: number;
  }[];
}

/** Arrays start at multiples of this, so that any of them can be bound on its own. */
const alignment = 256;

export class WgslMemory {
  /** Bytes of each page of lane arrays. */
  readonly lanePages: number[] = [];
  readonly dataPages: DataPage[] = [];
  private readonly columns = new Map<string, GpuColumn>();

  /**
   * @param groupCount vectors of lanes of one element
   * @param groupBytes bytes of a vector of lanes
   */
  constructor(
    readonly groupCount: number,
    readonly groupBytes: number,
    private readonly pageBytes: number,
  ) {}

  /** Arrays of lanes one after another without gaps. Throws RangeError when together they exceed a page. */
  reserve(sizes: readonly number[]): LaneArray[] {
    const elementBytes = this.groupCount * this.groupBytes;
    const bytes = Math.ceil((sizes.reduce((sum, size) => sum + size, 0) * elementBytes) / alignment) * alignment;
    if (bytes > this.pageBytes) {
      throw new RangeError(
        `an array of ${bytes} bytes, but the GPU binds at most ${this.pageBytes}: use fewer chains, or the cpu device`,
      );
    }
    let page = this.lanePages.findIndex((used) => used + bytes <= this.pageBytes);
    if (page < 0) page = this.lanePages.push(0) - 1;
    let start = this.lanePages[page] / this.groupBytes;
    this.lanePages[page] += bytes;
    return sizes.map((elements) => {
      const array = { page, start, elements };
      start += elements * this.groupCount;
      return array;
    });
  }

  /** Numbers start, start + step, … (`length` of them) of an array, stored as narrowly as they are. */
  column(key: string, array: DataArray, start: number, step: number, length: number): GpuColumn {
    return this.once(key, () => {
      const known = columnOf(array.values, start, step, length);
      return 'constant' in known ? known : this.place(known.storage, array.values, start, step, length);
    });
  }

  /** All numbers of an array of integers. */
  indices(key: string, array: DataArray): GpuColumn {
    return this.once(key, () => {
      const { constant, integers } = inspect(array.values, 0, 1, array.values.length);
      if (constant !== undefined) return { constant };
      return this.place(integers ?? 'i32', array.values, 0, 1, array.values.length);
    });
  }

  /** Integers that the generated code needs, such as row ranges. */
  integers(key: string, values: Int32Array): DeviceColumn {
    return this.once(key, () => this.place('i32', values, 0, 1, values.length)) as DeviceColumn;
  }

  private once(key: string, make: () => GpuColumn): GpuColumn {
    let column = this.columns.get(key);
    if (column === undefined) {
      column = make();
      this.columns.set(key, column);
    }
    return column;
  }

  private place(
    storage: Exclude<Storage, 'f64'>,
    values: ArrayLike<number>,
    start: number,
    step: number,
    length: number,
  ): DeviceColumn {
    const parts: ColumnPart[] = [];
    const perWord = 4 / storageBytes[storage];
    const column: DeviceColumn = {
      name: `column${this.columns.size}`,
      storage,
      length,
      parts,
      fill: (words, from, to) => {
        const target = viewOf(words, storage);
        for (let i = from, at = start + from * step; i < to; i++, at += step) target[i - from] = values[at];
      },
    };
    const most = (Math.floor(this.pageBytes / alignment) * alignment * perWord) / 4;
    for (let from = 0; from < length; from += most) {
      const to = Math.min(length, from + most);
      const bytes = Math.ceil(((to - from) * storageBytes[storage]) / alignment) * alignment;
      let page = this.dataPages.findIndex((used) => used.bytes + bytes <= this.pageBytes);
      if (page < 0) page = this.dataPages.push({ bytes: 0, pieces: [] }) - 1;
      const target = this.dataPages[page];
      parts.push({ page, start: target.bytes / 4, from });
      target.pieces.push({ column, start: target.bytes / 4, from, to });
      target.bytes += bytes;
    }
    return column;
  }
}

function viewOf(
  words: Uint32Array,
  storage: Exclude<Storage, 'f64'>,
): Uint8Array | Uint16Array | Int32Array | Float32Array {
  const { buffer, byteOffset } = words;
  switch (storage) {
    case 'u8':
      return new Uint8Array(buffer, byteOffset);
    case 'u16':
      return new Uint16Array(buffer, byteOffset);
    case 'i32':
      return new Int32Array(buffer, byteOffset);
    case 'f32':
      return new Float32Array(buffer, byteOffset);
    default:
      throw new Error(storage satisfies never);
  }
}
