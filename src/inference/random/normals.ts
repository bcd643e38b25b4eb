// Standard normals of streams by the vector kernel, in memory of their own.
import { normalsPerPass, NormalSource } from './normalKernel.js';
import type { RandomStream } from './streams.js';

/** The numbers of `fillNormal` up to rounding, for streams that have a counter. */
export class Normals {
  private memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  private readonly source = new NormalSource(this.memory);
  private values = new Float64Array(0);

  /** Those of one stream. Valid until the next call. */
  of(stream: RandomStream, count: number): Float64Array {
    return this.interleaved([stream], count);
  }

  /** Of several streams, `[count][stream]`. Valid until the next call. */
  interleaved(streams: readonly RandomStream[], count: number): Float64Array {
    const whole = Math.ceil(count / normalsPerPass) * normalsPerPass * streams.length;
    if (this.values.length < whole) {
      const missing = whole * 8 - this.memory.buffer.byteLength;
      if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
      this.values = new Float64Array(this.memory.buffer, 0, whole);
    }
    for (const [m, { counter }] of streams.entries()) {
      if (counter === undefined) throw new TypeError('a stream without a counter');
      this.source.fill(m * 8, count + (count % 2), streams.length * 8, counter);
    }
    return this.values.subarray(0, count * streams.length);
  }
}
