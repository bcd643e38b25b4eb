// The limits that separate pass, review and fail, each with where it comes from.

/**
 * Limits for the convergence figures of one class of scalars. Nested R-hat has those of R-hat: its square less one estimates
 * the variance of a superchain's mean in units of the posterior variance, so that 1.01 asks of every superchain a mean within
 * 0.14 posterior standard deviations, as 50 independent draws have it (Margossian et al. 2024, §3, derive the limit from the error
 * that is tolerated); R-hat of 1.01 asks as much of each half-chain.
 */
export interface ScalarLimits {
  /** R-hat below this passes. */
  readonly rhatPass: number;
  /** R-hat below this, and not below `rhatPass`, is to be reviewed; from here on it fails. */
  readonly rhatReview: number;
  /** Bulk and tail ESS above this pass. */
  readonly essPass: number;
  /** ESS above this, and not above `essPass`, is to be reviewed; up to here it fails. */
  readonly essReview: number;
}

/**
 * Population scalars. R-hat 1.01 and ESS 400 (50 for each half of four chains): Vehtari et al. 2021, §4.
 * R-hat 1.05: Vats & Knudson 2021 find that 1.1 stops far too early; own choice between the two. ESS 100 leaves the mean
 * uncertain by a tenth of the posterior sd: own choice.
 */
export const POPULATION_LIMITS: ScalarLimits = { rhatPass: 1.01, rhatReview: 1.05, essPass: 400, essReview: 100 };

/**
 * Scalars of single groups or units. There are so many that the largest R-hat of converged chains exceeds 1.01 by chance, and
 * each is used with an uncertainty of its own: R-hat 1.02; ESS 100 and 25 leave the mean uncertain by a tenth and a fifth of
 * the posterior sd. Own choice.
 */
export const GROUP_LIMITS: ScalarLimits = { rhatPass: 1.02, rhatReview: 1.05, essPass: 100, essReview: 25 };

/** E-BFMI below this is to be reviewed (Betancourt 2016; Stan warns below 0.3). */
export const EBFMI_REVIEW = 0.3;

/** E-BFMI below this fails (the limit of Stan's earlier releases and of Betancourt 2017, §6.1). */
export const EBFMI_FAIL = 0.2;

/**
 * Share of divergent draws above which the check fails. Any divergence is to be reviewed, as it can mean a region never
 * entered (Betancourt 2017, §6.2); from one in a hundred on the estimates are not to be used: own choice.
 */
export const DIVERGENT_SHARE_FAIL = 0.01;

/**
 * Share of draws at the largest tree depth above which the check fails. Truncated trees cost efficiency, not validity (Stan
 * reference manual); when most are truncated the sampler is a random walk that ESS sees too late: own choice.
 */
export const TREE_DEPTH_SHARE_FAIL = 0.5;

/**
 * Draws per chain below which, of many chains, E-BFMI is judged by its mean: of 1,000 sound chains of 20 draws some fall below
 * the limit by chance. Own choice.
 */
export const FEWEST_FOR_EBFMI = 100;

/** Draws per chain below which ESS is undefined: its half-chains need three (`essOfHalfChains`). */
export const FEWEST_FOR_ESS = 6;

/**
 * Draws per chain below which, of many chains, one that never moved may just have been rejected: at an acceptance rate of 0.6
 * it takes 20 draws to make that rarer than one in ten million. Own choice.
 */
export const FEWEST_FOR_STUCK = 20;

/** Up to this many chains a detail lists a figure for each. */
export const MOST_CHAINS_LISTED = 16;

/** How many of the worst scalars a detail names. */
export const WORST_NAMED = 5;
