// Colours and strokes: the palette of Okabe and Ito (2008), and chains told apart by dash and lightness too.

export const INK = '#1b1f24';
export const INK_SOFT = '#57606a';
export const RULE = '#d0d7de';
export const BLUE = '#0072B2';
/** A tint of blue, for intervals under other marks. */
export const PALE_BLUE = '#A6CFE8';
export const SKY = '#56B4E9';
export const VERMILLION = '#D55E00';

export interface ChainStyle {
  readonly stroke: string;
  /** SVG dash pattern; empty for a solid line. */
  readonly dash: readonly number[];
}

const CHAIN_STYLES: readonly ChainStyle[] = [
  { stroke: '#0072B2', dash: [] },
  { stroke: '#E69F00', dash: [6, 2] },
  { stroke: '#009E73', dash: [2, 2] },
  { stroke: '#CC79A7', dash: [8, 2, 2, 2] },
  { stroke: '#000000', dash: [4, 4] },
  { stroke: '#56B4E9', dash: [10, 3] },
  { stroke: '#D55E00', dash: [1, 3] },
  { stroke: '#767676', dash: [5, 2, 1, 2] },
];

/** Chains with a line of their own in charts: as many as have a style. */
export const MOST_CHAINS_DRAWN = CHAIN_STYLES.length;

/** Style of a chain; beyond eight chains the styles repeat. */
export function chainStyle(chain: number): ChainStyle {
  return CHAIN_STYLES[chain % CHAIN_STYLES.length];
}
