// The table of a batch: the words that tell kernels which vectors of which chain to work on.

/** Consecutive entries of one dispatch. */
export interface TablePart {
  /** Word where they begin. */
  readonly first: number;
  readonly entries: number;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

export class EntryTable {
  private words = new Uint32Array(1024);
  length = 0;

  /** The words of a number that is rounded to f32. */
  static bitsOf(value: number): number {
    float[0] = value;
    return bits[0];
  }

  clear(): void {
    this.length = 0;
  }

  /** Appends entries of equal length, in parts that one dispatch can serve. */
  add(entries: readonly (readonly number[])[], mostPerPart: number): TablePart[] {
    const parts: TablePart[] = [];
    for (let start = 0; start < entries.length; start += mostPerPart) {
      const first = this.length;
      const end = Math.min(entries.length, start + mostPerPart);
      for (let i = start; i < end; i++) this.append(entries[i]);
      parts.push({ first, entries: end - start });
    }
    return parts;
  }

  /** Copies all words to `target`. */
  copyTo(target: Uint32Array): void {
    target.set(this.words.subarray(0, this.length));
  }

  private append(entry: readonly number[]): void {
    if (this.length + entry.length > this.words.length) {
      const longer = new Uint32Array(2 * (this.length + entry.length));
      longer.set(this.words);
      this.words = longer;
    }
    this.words.set(entry, this.length);
    this.length += entry.length;
  }
}
