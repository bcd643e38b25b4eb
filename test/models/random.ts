// Seeded random numbers for the tests of models.
import seedrandom from 'seedrandom';

export interface RandomNumbers {
  uniform(): number;
  normal(): number;
  normals(length: number, sd?: number): Float64Array;
}

export function randomNumbers(seed: string | number): RandomNumbers {
  const uniform = seedrandom(String(seed));
  // Box and Muller (1958).
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal, normals: (length, sd = 1) => Float64Array.from({ length }, () => sd * normal()) };
}
