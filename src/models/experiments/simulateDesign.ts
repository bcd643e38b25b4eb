// Simulated customers over weeks: what they use, which campaign they qualify for by past use, and who is treated at random.
import type { SimulationRandom } from '../simulation.js';

export interface DesignSize {
  readonly customers: number;
  readonly weeks: number;
  readonly campaigns: number;
  /** Mean of a customer's interventions. */
  readonly interventions: number;
}

export interface Campaign {
  readonly goal: string;
  readonly action: string;
  readonly reward: string;
}

/** Rows by customer, then week; at most one a week. Narrow arrays: 19 bytes a row. */
export interface SimulatedDesign {
  readonly rows: number;
  readonly campaigns: readonly Campaign[];
  /** First row of each customer, and the end. */
  readonly rowStart: Int32Array;
  /** 1 … weeks. */
  readonly week: Uint16Array;
  readonly campaign: Uint16Array;
  readonly treated: Uint8Array;
  /** Log usage of the past 7 days, the 7 before, the 16 before these; 0 without any. `[rows]` each. */
  readonly usage: readonly [Float32Array, Float32Array, Float32Array];
  /** Level of log usage over the past 30 days, `[rows]`. */
  readonly rolling: Float32Array;
}

const goals = ['development', 'wake-up', 'cross-sell'] as const;
const actions = ['recharge', 'data', 'international', 'nothing'] as const;
const rewards = ['data', 'international', 'credit', 'promo', 'bonus'] as const;

/** Log usage: mean and spread over customers, how it goes on from week to week, and spells without any. */
const usageOf = { mean: 2.6, betweenSd: 1, persistence: 0.7, withinSd: 0.6, stops: 0.06, resumes: 0.3 } as const;
/** From here on a customer qualifies for cross-selling. */
const heavyUse = 3;
/** Share of a campaign's customers who are treated: mean, spread, and the ends of table 1. */
const propensity = { mean: 0.79, sd: 0.04, least: 0.58, most: 0.86 } as const;

export function simulateDesign(
  { customers, weeks, campaigns, interventions }: DesignSize,
  random: SimulationRandom,
): SimulatedDesign {
  const { plan, list } = planCampaigns(campaigns, weeks, random);
  let capacity = Math.ceil(customers * interventions * 1.05) + weeks;
  const grown = <T extends Uint16Array | Uint8Array | Float32Array>(array: T): T => {
    const Type = array.constructor as new (length: number) => T;
    const more = new Type(capacity);
    more.set(array);
    return more;
  };
  let week: Uint16Array = new Uint16Array(capacity);
  let campaign: Uint16Array = new Uint16Array(capacity);
  let treated: Uint8Array = new Uint8Array(capacity);
  let usage: Float32Array[] = [0, 1, 2, 3].map(() => new Float32Array(capacity));
  const rowStart = new Int32Array(customers + 1);
  // Customers come in over the first third, and differ by a factor of ten in how often they qualify.
  const latest = Math.floor(0.35 * weeks);
  const perWeek = interventions / (weeks - latest / 2);
  const lags = new Float64Array(4);
  let rows = 0;
  for (let i = 0; i < customers; i++) {
    if (rows + weeks > capacity) {
      capacity = Math.ceil(capacity * 1.2) + weeks;
      [week, campaign, treated] = [grown(week), grown(campaign), grown(treated)];
      usage = usage.map(grown);
    }
    rowStart[i] = rows;
    const entry = Math.floor(random.uniform() * (latest + 1));
    const rate = Math.min(0.97, perWeek * (0.25 + 2.25 * random.uniform() ** 2));
    const level = usageOf.mean + usageOf.betweenSd * random.normal();
    let deviation = usageOf.withinSd * random.normal();
    let isIdle = false;
    for (let t = entry - 3; t < weeks; t++) {
      deviation = usageOf.persistence * deviation + usageOf.withinSd * random.normal();
      isIdle = random.uniform() < (isIdle ? 1 - usageOf.resumes : usageOf.stops);
      lags.copyWithin(1, 0, 3);
      lags[0] = isIdle ? 0 : Math.max(0, level + deviation);
      if (t < entry) continue;
      const takesPart = random.uniform() < rate || (t === weeks - 1 && rows === rowStart[i]);
      if (!takesPart) continue;
      const rolling = Math.sqrt((lags[0] ** 2 + lags[1] ** 2 + lags[2] ** 2 + lags[3] ** 2) / 4);
      const group = lags[0] === 0 ? 1 : rolling > heavyUse ? 2 : 0;
      const c = plan.choose(t, group, random.uniform());
      week[rows] = t + 1;
      campaign[rows] = c;
      treated[rows] = random.uniform() < plan.share(t, c) ? 1 : 0;
      usage[0][rows] = lags[0];
      usage[1][rows] = lags[1];
      usage[2][rows] = (lags[2] + lags[3]) / 2;
      usage[3][rows] = rolling;
      rows++;
    }
  }
  rowStart[customers] = rows;
  const [past7, past14, past30, rolling] = usage.map((values) => values.subarray(0, rows));
  return {
    rows,
    campaigns: list,
    rowStart,
    week: week.subarray(0, rows),
    campaign: campaign.subarray(0, rows),
    treated: treated.subarray(0, rows),
    usage: [past7, past14, past30],
    rolling,
  };
}

interface CampaignPlan {
  /** A campaign that runs in week t, from 0, for customers who are in use (0), idle (1) or heavy users (2). */
  choose(t: number, group: number, uniform: number): number;
  /** Probability of treatment. */
  share(t: number, c: number): number;
}

function planCampaigns(
  campaigns: number,
  weeks: number,
  random: SimulationRandom,
): { plan: CampaignPlan; list: Campaign[] } {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random.uniform() * values.length)];
  const list = Array.from({ length: campaigns }, (_, c) => ({
    goal: goals[c % 4 === 1 ? 1 : c % 7 === 2 ? 2 : 0],
    action: pick(actions),
    reward: pick(rewards),
  }));
  const size = list.map(() => 0.3 + random.uniform() + 2 * random.uniform() ** 4);
  const runs = list.map(() => Math.min(1, 0.25 + 0.9 * random.uniform()));
  const shares = list.map(() => propensity.mean + propensity.sd * random.normal());
  const within = ({ least, most }: typeof propensity, p: number): number => Math.min(most, Math.max(least, p));
  const share = Float64Array.from({ length: weeks * campaigns }, (_, at) =>
    within(propensity, shares[at % campaigns] + 0.5 * propensity.sd * random.normal()),
  );
  // By week and group: campaigns that run and ask for such customers, with running sums of their sizes.
  const offers = Array.from({ length: weeks }, (_, t) => {
    const active = list.map((_own, c) => random.uniform() < runs[c] || c === t % campaigns);
    const of = (wanted: readonly string[]): { ids: number[]; sums: number[] } => {
      let sum = 0;
      const ids = list.flatMap(({ goal }, c) => (active[c] && wanted.includes(goal) ? [c] : []));
      return { ids, sums: ids.map((c) => (sum += size[c])) };
    };
    const any = of(goals);
    const orAny = (own: typeof any): typeof any => (own.ids.length > 0 ? own : any);
    return [orAny(of(['development'])), orAny(of(['wake-up'])), orAny(of(['development', 'cross-sell']))];
  });
  return {
    list,
    plan: {
      choose: (t, group, uniform) => {
        const { ids, sums } = offers[t][group];
        const target = uniform * sums[sums.length - 1];
        let at = 0;
        while (sums[at] < target) at++;
        return ids[at];
      },
      share: (t, c) => share[t * campaigns + c],
    },
  };
}
