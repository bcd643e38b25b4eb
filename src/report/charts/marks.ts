// The few shapes every chart is made of, as SVG path data.
import type { Mark, ToPixel } from './svgChart.js';

type Style = Omit<Mark, 'path'>;
type Point = readonly [number, number];

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

function trail(points: readonly Point[], toPixel: ToPixel): string {
  return points
    .map(([x, y], index) => {
      const [left, top] = toPixel(x, y);
      return `${index === 0 ? 'M' : 'L'}${tenth(left)} ${tenth(top)}`;
    })
    .join('');
}

/** A line through points. */
export function line(points: readonly Point[], style: Style): Mark {
  return { ...style, path: (toPixel) => trail(points, toPixel) };
}

/** A filled polygon. */
export function area(points: readonly Point[], style: Style): Mark {
  return { ...style, path: (toPixel) => (points.length > 0 ? `${trail(points, toPixel)}Z` : '') };
}

/** Separate straight lines. */
export function segments(pairs: readonly (readonly [Point, Point])[], style: Style): Mark {
  return { ...style, path: (toPixel) => pairs.map((pair) => trail(pair, toPixel)).join('') };
}

/** Circles with a radius in pixels. */
export function circles(points: readonly Point[], radius: number, style: Style): Mark {
  const path = (toPixel: ToPixel): string =>
    points
      .map(([x, y]) => {
        const [left, top] = toPixel(x, y);
        return `M${tenth(left - radius)} ${tenth(top)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;
      })
      .join('');
  return { ...style, path };
}

/** Dots of a width in pixels; dots within half a pixel of each other are drawn once, so any number of points stays small. */
export function dots(points: readonly Point[], style: Style): Mark {
  const path = (toPixel: ToPixel): string => {
    const places = new Set<string>();
    for (const [x, y] of points) {
      const [left, top] = toPixel(x, y);
      places.add(`M${Math.round(left * 2) / 2} ${Math.round(top * 2) / 2}h.1`);
    }
    return [...places].join('');
  };
  return { ...style, path };
}

/** Bars from zero to a height, side by side, as one outline. */
export function steps(edges: ArrayLike<number>, heights: ArrayLike<number>): Point[] {
  const points: Point[] = [];
  for (let bin = 0; bin < heights.length; bin++)
    points.push([edges[bin], heights[bin]], [edges[bin + 1], heights[bin]]);
  return points;
}

/** The area under a curve, down to zero. */
export function under(points: readonly Point[]): Point[] {
  if (points.length === 0) return [];
  return [[points[0][0], 0], ...points, [points[points.length - 1][0], 0]];
}
