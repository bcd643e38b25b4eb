// Features of a log of exposures (customer, week, treated): recency and decayed stock of past treatments, their cells, quantile classes,
// and shares treated. The one place where they are made: the experiments model and the data steps of the configuration both call it.

/** Rows of a log in any order. */
export interface ExposureLog {
  /** Code of the customer, 0 … customers − 1, `[rows]`. */
  readonly customer: ArrayLike<number>;
  readonly customers: number;
  /** Week of the row, any finite numbers of which a difference of 1 is one week, `[rows]`. */
  readonly week: ArrayLike<number>;
  /** Above 0: the customer was treated, `[rows]`; else a control. */
  readonly treated: ArrayLike<number>;
}

/** What each row's customer had been through before the row's week; rows of the same week do not count. */
export interface ExposureHistory {
  /** Weeks since the last treatment, `[rows]`; NaN where there was none. */
  readonly recency: Float64Array;
  /** Σ over past treatments of decay^(weeks since), `[rows]`; 0 where there was none. */
  readonly stock: Float64Array;
}

/** Treatments lose a quarter of their weight each week. */
export const usualDecay = 0.75;
/** Right ends of the bins of recency, in weeks; a last bin holds what lies beyond. */
export const usualRecencyEdges: readonly number[] = [2, 4, 6, 8];
/** Classes of the stock. */
export const usualStockClasses = 5;

/** Codes and names of classes; a class may be empty, and no code is −1. */
export interface Classes {
  readonly codes: Int32Array;
  readonly levels: readonly string[];
}

/** Recency and stock of every row. @param decay weight that a treatment keeps from one week to the next, in (0, 1) */
export function exposureHistory(log: ExposureLog, decay: number = usualDecay): ExposureHistory {
  const { customer, customers, week, treated } = log;
  if (!(decay > 0 && decay < 1)) throw new RangeError(`decay must be between 0 and 1, not ${decay}`);
  const rows = customer.length;
  const recency = new Float64Array(rows).fill(NaN);
  const stock = new Float64Array(rows);
  const { order, start } = byCustomer(customer, customers);
  for (let c = 0; c < customers; c++) {
    sortByWeek(order, start[c], start[c + 1], week);
    // The stock as it stands at `last`, treatments of that week included; those of `week` itself join when it is over.
    let level = 0;
    let last = NaN;
    let [current, pending] = [NaN, 0];
    for (let place = start[c]; place < start[c + 1]; place++) {
      const row = order[place];
      if (week[row] !== current) {
        if (pending > 0) {
          level = (Number.isNaN(last) ? 0 : level * decay ** (current - last)) + pending;
          last = current;
        }
        [current, pending] = [week[row], 0];
      }
      if (!Number.isNaN(last)) {
        recency[row] = current - last;
        stock[row] = level * decay ** (current - last);
      }
      if (treated[row] > 0) pending++;
    }
  }
  return { recency, stock };
}

/** Ends of recency's bins, and for each bin those of the classes that its rows' stock is cut into. */
export interface ExposureEdges {
  readonly recency: readonly number[];
  readonly stock: readonly (readonly number[])[];
}

/**
 * Quantiles of the stock within each bin of recency. (Over all rows together most cells would be empty: a stock is small when the last treatment
 * is long ago.)
 * @param recencyEdges right ends of the bins of recency, ascending
 */
export function exposureEdges(
  { recency, stock }: ExposureHistory,
  recencyEdges: readonly number[] = usualRecencyEdges,
  classes: number = usualStockClasses,
): ExposureEdges {
  const binOf = (row: number): number => (Number.isNaN(recency[row]) ? -1 : classOf(recency[row], recencyEdges));
  const bins = Array.from({ length: recencyEdges.length + 1 }, (_, bin) =>
    stock.filter((_own, row) => binOf(row) === bin),
  );
  return { recency: recencyEdges, stock: bins.map((own) => quantileEdges(own, classes)) };
}

/**
 * Cells of recency × stock, and one for those who were never treated, the last. New rows take the edges of those that the model was fitted to.
 */
export function exposureCells({ recency, stock }: ExposureHistory, edges: ExposureEdges): Classes {
  const levels: string[] = [];
  const first = binNames(edges.recency).map((bin, b) => {
    const start = levels.length;
    for (let c = 0; c <= edges.stock[b].length; c++) levels.push(`${bin} weeks, stock ${c + 1}`);
    return start;
  });
  const codes = new Int32Array(recency.length).fill(levels.length);
  for (let row = 0; row < codes.length; row++) {
    if (Number.isNaN(recency[row])) continue;
    const bin = classOf(recency[row], edges.recency);
    codes[row] = first[bin] + classOf(stock[row], edges.stock[bin]);
  }
  return { codes, levels: [...levels, 'never treated'] };
}

/**
 * Ends of `classes` classes of about equal size: values that occur (quantiles by the inverse of the distribution function). Those that fall
 * together, as where many values are equal, are one, so there may be fewer classes; none is empty.
 */
export function quantileEdges(values: Float64Array, classes: number): number[] {
  const sorted = values.slice().sort();
  const edges: number[] = [];
  for (let c = 1; c < classes && sorted.length > 0; c++) {
    const edge = sorted[Math.max(0, Math.ceil((sorted.length * c) / classes) - 1)];
    if (edge < sorted[sorted.length - 1] && edge !== edges.at(-1)) edges.push(edge);
  }
  return edges;
}

/** Classes of values between ends, each of which belongs to the class below it. */
export function quantileClasses(values: ArrayLike<number>, edges: readonly number[]): Classes {
  const codes = new Int32Array(values.length);
  for (let row = 0; row < codes.length; row++) codes[row] = classOf(values[row], edges);
  return { codes, levels: edges.concat(Infinity).map((_, c) => `class ${c + 1}`) };
}

/** Share treated among the rows of each row's intervention: its campaign in its week, `[rows]`. */
export function shareTreated(
  campaign: ArrayLike<number>,
  campaigns: number,
  week: ArrayLike<number>,
  treated: ArrayLike<number>,
): Float64Array {
  // Pairs of week and campaign get numbers as they come.
  const numbers = new Map<number, Int32Array>();
  const counts: number[] = [];
  const sums: number[] = [];
  const intervention = new Int32Array(campaign.length);
  for (let row = 0; row < intervention.length; row++) {
    let own = numbers.get(week[row]);
    if (own === undefined) numbers.set(week[row], (own = new Int32Array(campaigns).fill(-1)));
    let number = own[campaign[row]];
    if (number < 0) {
      number = own[campaign[row]] = counts.length;
      counts.push(0);
      sums.push(0);
    }
    counts[number]++;
    if (treated[row] > 0) sums[number]++;
    intervention[row] = number;
  }
  return Float64Array.from(intervention, (number) => sums[number] / counts[number]);
}

function classOf(value: number, edges: readonly number[]): number {
  let c = 0;
  while (c < edges.length && value > edges[c]) c++;
  return c;
}

function binNames(edges: readonly number[]): string[] {
  const ends = [0, ...edges];
  return [...edges.map((edge, i) => `${ends[i]}-${edge}`), `over ${ends[ends.length - 1]}`];
}

function byCustomer(customer: ArrayLike<number>, customers: number): { order: Int32Array; start: Int32Array } {
  const start = new Int32Array(customers + 1);
  for (let row = 0; row < customer.length; row++) start[customer[row] + 1]++;
  for (let c = 0; c < customers; c++) start[c + 1] += start[c];
  const next = start.slice(0, customers);
  const order = new Int32Array(customer.length);
  for (let row = 0; row < customer.length; row++) order[next[customer[row]]++] = row;
  return { order, start };
}

/** Insertion: a customer's rows are few, and mostly in order. */
function sortByWeek(order: Int32Array, from: number, to: number, week: ArrayLike<number>): void {
  for (let i = from + 1; i < to; i++) {
    const row = order[i];
    let at = i;
    for (; at > from && week[order[at - 1]] > week[row]; at--) order[at] = order[at - 1];
    order[at] = row;
  }
}
