// Random numbers that a preparation needs; who calls it says where they come from.

export interface RandomNumbers {
  /** Uniform on (0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Gamma of a positive shape and scale 1. */
  gamma(shape: number): number;
}

/** Streams of one seed: every number gives a stream of its own, the same at every call. */
export type DataRandom = (stream: number) => RandomNumbers;
