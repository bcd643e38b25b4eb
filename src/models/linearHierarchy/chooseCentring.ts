// How far the coefficients of a level are centred, by how much the data of a typical group say of them.

/** Below this share of own information a spread may well be near 0, where any centring makes a funnel. */
const leastShareToCentre = 0.6;

/**
 * A coefficient is centred by the share of a typical group's own data in it (Papaspiliopoulos, Roberts and Sköld 2003, §4).
 * @param shares by coefficient; null: none is known
 * @param least what `auto` centres each at least
 */
export function chooseCentring(
  wanted: 'auto' | 'centred' | 'noncentred',
  shares: ArrayLike<number> | null,
  length: number,
  least: (coefficient: number) => number = () => 0,
): number[] {
  return Array.from({ length }, (_, i) => {
    if (wanted !== 'auto') return wanted === 'centred' ? 1 : 0;
    const share = shares?.[i] ?? 0;
    return share > 0.95 ? 1 : share < leastShareToCentre ? least(i) : Number(share.toFixed(2));
  });
}

/** Common factors make funnels of what is not centred at all. */
export const leastWithFactors = 0.5;
