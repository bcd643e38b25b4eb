// Common factors in words, for the report.

/** @param of whose deviations; @param sites under which scores, loadings and what factors leave are reported */
export function factorsInWords(
  of: string,
  factors: number,
  sites: { readonly scores: string; readonly loadings: string; readonly uniques: string },
): string {
  const { scores, loadings, uniques } = sites;
  return `The deviations of ${of} are made of ${factors} common ${factors === 1 ? 'factor' : 'factors'} (${scores}) times loadings (${loadings}), and a part of each coefficient's own (${uniques}).`;
}

export const factorsNote =
  'Factors are identified up to a rotation: loadings and scores of all draws were turned alike (orthogonal Procrustes) before they were summarised, and are not judged for convergence; spreads and correlations are. Scores are those expected from the coefficients of each draw.';
