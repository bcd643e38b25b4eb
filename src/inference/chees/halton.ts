// The Halton sequence of base 2: jitter that fills the unit interval evenly (van der Corput 1935; Halton 1960).

/** Element `index` = 1, 2, … below 2³²: the binary digits of the index mirrored at the point, in (0, 1). */
export function halton(index: number): number {
  let fraction = 0;
  let digit = 0.5;
  for (let rest = index; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) fraction += digit;
    digit /= 2;
  }
  return fraction;
}
