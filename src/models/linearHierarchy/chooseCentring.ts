// How far the coefficients of a level are centred, by how much the data of a typical group say of them.

/** Below this share of own information a spread may well be near 0, where any centring makes a funnel. */
const leastShareToCentre = 0.6;

/**
 * A coefficient is centred by the share of a typical group's own data in it (Papaspiliopoulos, Roberts and Sköld 2003, §4), taken where the
 * spread is two standard errors below its estimate: what few groups do not exclude is explored too.
 * @param shares by coefficient; null: none is known
 * @param groups that the spreads were estimated from
 * @param least what `auto` centres each at least
 */
export function chooseCentring(
  wanted: 'auto' | 'centred' | 'noncentred',
  shares: ArrayLike<number> | null,
  length: number,
  groups: number,
  least: (coefficient: number) => number = () => 0,
): number[] {
  // The log of a standard deviation of n values is known to 1 / √(2n).
  const smaller = Math.max(0, 1 - 2 / Math.sqrt(2 * groups));
  return Array.from({ length }, (_, i) => {
    if (wanted !== 'auto') return wanted === 'centred' ? 1 : 0;
    const share = shareAt(smaller, shares?.[i] ?? 0);
    return share > 0.95 ? 1 : share < leastShareToCentre ? least(i) : Number(share.toFixed(2));
  });
}

/** τ² / (τ² + v) where τ is `factor` times as large. */
const shareAt = (factor: number, share: number): number => {
  const spread2 = factor ** 2 * share;
  return spread2 === 0 ? 0 : spread2 / (spread2 + 1 - share);
};

/** Common factors make funnels of what is not centred at all. */
export const leastWithFactors = 0.5;
