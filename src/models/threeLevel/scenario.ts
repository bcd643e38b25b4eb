// The sales of products in markets that `hierax simulate three-level` draws: names of columns and true values.
import type { ResponseFamily } from '../../data/countResponse.js';
import { simulatedLoadings } from '../simulatedCovariance.js';
import type { Shrinkage } from '../shrinkage.js';
import { levelLabels } from '../simulation.js';
import type { SimulatedPredictor, ThreeLevelSimulation } from './simulate.js';

/** Numbers that the command line sets. */
export interface SalesSize {
  readonly rows: number;
  readonly products: number;
  /** 0: two levels. */
  readonly markets: number;
  readonly x: number;
  readonly z: number;
  readonly w: number;
  readonly covariance: 'diagonal' | 'full';
  /** Common factors of the effects of products, in place of what `covariance` says of them; default 0, none. */
  readonly factors?: number;
  /** What the configuration says; the truth is the same. Default none. */
  readonly shrinkage?: Shrinkage;
  /** Default gaussian. */
  readonly family?: ResponseFamily;
}

interface Effect extends SimulatedPredictor {
  readonly mean: number;
  /** Standard deviation between the products of a market. */
  readonly product: number;
  /** Standard deviation between markets; of the pull of product traits on the effect, too. */
  readonly market: number;
}

/** Mean of the constant and what the response is called: log sales, sales as counts, or purchases among visitors. */
const responses: Readonly<Record<ResponseFamily, { readonly name: string; readonly mean: number }>> = {
  gaussian: { name: 'log_sales', mean: 6 },
  studentT: { name: 'log_sales', mean: 6 },
  bernoulli: { name: 'bought', mean: -0.5 },
  binomial: { name: 'bought', mean: -0.5 },
  poisson: { name: 'sales', mean: 1.5 },
  negativeBinomial: { name: 'sales', mean: 1.5 },
};

/** Effects on the linear predictor: of one standard deviation, or of 1 against 0. */
const occasionEffects: readonly Effect[] = [
  { name: 'price', mean: -0.8, product: 0.25, market: 0.2 },
  { name: 'deal', shareOfOnes: 0.25, mean: 0.3, product: 0.12, market: 0.1 },
  { name: 'feature', shareOfOnes: 0.15, mean: 0.5, product: 0.16, market: 0.15 },
  { name: 'competitor_price', mean: 0.25, product: 0.12, market: 0.1 },
  { name: 'display', shareOfOnes: 0.2, mean: 0.35, product: 0.12, market: 0.1 },
  { name: 'advertising', mean: 0.15, product: 0.1, market: 0.08 },
];
const productTraits = ['distribution', 'shelf_share', 'brand_age'];
const marketTraits = ['income', 'household_size', 'urbanity'];

/** Effect of a trait on a coefficient, in standard deviations of the level that it explains; goes round the coefficients. */
const traitPull = [0.7, -0.5, 0.4, 0.6, -0.3];
const residualSd = 0.5;

/** Without the last digits of binary products: 0.08, not 0.08000000000000002. */
const tidy = (value: number): number => Number(value.toPrecision(12));

const around = (values: readonly number[], index: number): number => values[index % values.length];

/** Everything that the simulator needs, for the size asked for. */
export function salesScenario(size: SalesSize): ThreeLevelSimulation {
  const x = Array.from({ length: size.x }, (_, k) => occasionEffects.at(k) ?? furtherEffect(k));
  const z = traits(size.z, productTraits, 'product_trait');
  const w = traits(size.w, marketTraits, 'market_trait');
  const { name: response, mean } = responses[size.family ?? 'gaussian'];
  const effects: Effect[] = [{ name: 'Intercept', mean, product: 0.4, market: 0.4 }, ...x];
  const [q, r] = [size.z + 1, size.w + 1];
  const pairs = effects.flatMap((effect, k) => Array.from({ length: q }, (_, m) => ({ effect, k, m })));
  // Rows of Δ: mean effect, pull of product traits on it, pull of market traits on either.
  const delta = pairs.map(({ effect, k, m }) => {
    const own = m === 0 ? effect.mean : around(traitPull, k + m - 1) * effect.product;
    const pull = m === 0 ? 1 : 0.5;
    return Array.from({ length: r }, (_, n) =>
      tidy(n === 0 ? own : pull * around(traitPull, k + m + n) * effect.market),
    );
  });
  return {
    rows: size.rows,
    columns: { response, product: 'product', market: 'market', time: 'week', trials: 'visitors' },
    products: levelLabels('P', size.products),
    markets: size.markets === 0 ? null : levelLabels('M', size.markets),
    x,
    z,
    w,
    family: size.family,
    sigma: residualSd,
    df: 4,
    phi: 2,
    delta,
    product: {
      sds: effects.map(({ product }) => product),
      ...simulatedLoadings(effects.length, size.factors ? size.factors : size.covariance),
    },
    market: { sds: pairs.map(({ effect }) => effect.market), ...simulatedLoadings(pairs.length, size.covariance) },
  };
}

/** After the named effects, small ones of alternating sign. */
function furtherEffect(k: number): Effect {
  return { name: `x${k + 1}`, mean: k % 2 === 0 ? 0.2 : -0.2, product: 0.1, market: 0.08 };
}

function traits(count: number, names: readonly string[], further: string): SimulatedPredictor[] {
  return Array.from({ length: count }, (_, k) => ({ name: names.at(k) ?? `${further}_${k + 1}` }));
}
