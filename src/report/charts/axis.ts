// Axis ranges and tick labels: round steps inside the range of the data.
import { formatFixed } from '../format.js';

export interface Scale {
  readonly min: number;
  readonly max: number;
  /** Round values inside [min, max]. */
  readonly ticks: readonly number[];
  readonly label: (value: number) => string;
}

/** About `count` ticks at multiples of 1, 2 or 5 times a power of ten inside [min, max]. */
export function linearScale(min: number, max: number, count: number): Scale {
  const width = max - min;
  if (!(width > 0)) {
    const half = Math.abs(min) * 0.05 || 0.5;
    return linearScale(min - half, min + half, count);
  }
  const rough = width / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((multiple) => multiple * power >= rough)! * power;
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { min, max, ticks, label: (value) => formatFixed(value, decimals) };
}

/** Range of finite values; [0, 1] when there are none. */
export function extent(values: Iterable<number>): [number, number] {
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? [min, max] : [0, 1];
}

/** A range widened by a share of its width on both sides. */
export function widen([min, max]: readonly [number, number], share: number): [number, number] {
  const margin = (max - min) * share;
  return [min - margin, max + margin];
}
