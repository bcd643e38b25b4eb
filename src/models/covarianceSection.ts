// Covariances of levels in CONFIG.yaml: no correlations, any, or those that common factors make.
import { z } from 'zod';
import type { CovarianceKind } from './groupPriors.js';
import { mostFactors } from './linearHierarchy/levelCovariance.js';

/** One word that stands for all levels of a model. */
export const covarianceWord = z.enum(['diagonal', 'full']);
/** `factors`: how many common factors make the correlations. */
export const covarianceOfLevel = z.union([covarianceWord, z.strictObject({ factors: z.int().min(1) })]);

/** Reports more factors than the coefficients of a level can tell apart. */
export function checkFactors(kind: CovarianceKind, size: number, report: (message: string) => void): void {
  if (typeof kind !== 'object') return;
  const most = mostFactors(size);
  if (kind.factors <= most) return;
  const right = most === 0 ? 'at least three coefficients are needed for one' : `at most ${most}`;
  report(`: ${kind.factors} factors of ${size} coefficients cannot be told apart; ${right}`);
}
