// Predictions of held-out rows, gathered while draws arrive: sums over draws by row, so that memory does not grow with the draws.
import { join } from 'node:path';
import { quoteText, withDuckDB } from '../../data/duckdb.js';
import { writeTable } from '../../data/writeTable.js';
import { type HeldOutFigures, heldOutFigures, type HeldOutPredictions } from '../../diagnostics/index.js';
import {
  compileQuantity,
  compileReplicator,
  type Evaluator,
  predictiveStream,
  type Replicator,
} from '../../inference/index.js';
import type { Device } from '../../kernels/device.js';
import type { HeldOutModel } from '../../models/modelEntry.js';

/** Draws that rows are predicted from, of all chains; more change nothing that is shown. */
const predictiveDraws = 1000;
/** Added to the chain's number: the noise of held-out rows is not that of replicated data. */
const heldOutChains = 0x53_00_00_00;
const fileName = 'holdout.parquet';

/** Sums over the draws of a chain, `[rows]`. */
interface ChainSums {
  readonly prediction: Float64Array;
  /** Largest log density, and Σ exp(log density − largest). */
  readonly largest: Float64Array;
  readonly density: Float64Array;
}

/** Sums over draws; plain data for checkpoints. Each chain has its own, so that rounding does not depend on which comes first. */
export interface HeldOutSums {
  readonly draws: number;
  readonly chains: readonly ChainSums[];
  /** Counts of replications, `[rows]`. */
  readonly atMost: Float64Array;
  readonly below: Float64Array;
}

/** What a run says of its held-out rows. */
export type HeldOutSummary = HeldOutFigures & { readonly draws: number; readonly notes: readonly string[] };

export class HeldOutCollector {
  private readonly values: Float64Array;
  private readonly every: number;

  private constructor(
    private readonly held: HeldOutModel,
    private readonly predict: Evaluator,
    private readonly logLikelihood: Evaluator,
    private readonly replicator: Replicator | undefined,
    private readonly seed: number,
    chains: number,
    draws: number,
    private sums: HeldOutSums,
  ) {
    this.values = new Float64Array(held.model.observed.values.length);
    this.every = Math.max(1, Math.floor(draws / Math.ceil(predictiveDraws / chains)));
  }

  /** @param saved what a checkpoint holds of it */
  static async open(
    held: HeldOutModel,
    device: Device,
    { seed, chains, draws }: { readonly seed: number; readonly chains: number; readonly draws: number },
    saved: HeldOutSums | undefined,
  ): Promise<HeldOutCollector> {
    const { model } = held;
    const rows = model.observed.values.length;
    const zeros = (): Float64Array => new Float64Array(rows);
    const sums = saved ?? {
      draws: 0,
      chains: Array.from({ length: chains }, () => ({
        prediction: zeros(),
        largest: zeros().fill(-Infinity),
        density: zeros(),
      })),
      atMost: zeros(),
      below: zeros(),
    };
    const predict = await compileQuantity(model, device, 'predict');
    const logLikelihood = await compileQuantity(model, device, 'logLikelihood');
    const replicator = model.replicate && (await compileReplicator(model, device));
    return new HeldOutCollector(held, predict, logLikelihood, replicator, seed, chains, draws, sums);
  }

  isDue(draw: number): boolean {
    return draw % this.every === this.every - 1;
  }

  /** Predicts the rows from this draw if its turn has come. */
  offer(chain: number, draw: number, position: Float64Array): void {
    if (!this.isDue(draw)) return;
    const { values, sums } = this;
    const own = sums.chains[chain];
    const observed = this.held.model.observed.values;
    evaluate(this.predict, position, values);
    for (let row = 0; row < values.length; row++) own.prediction[row] += values[row];
    evaluate(this.logLikelihood, position, values);
    for (let row = 0; row < values.length; row++) {
      const largest = Math.max(own.largest[row], values[row]);
      if (largest === -Infinity) continue;
      own.density[row] = own.density[row] * Math.exp(own.largest[row] - largest) + Math.exp(values[row] - largest);
      own.largest[row] = largest;
    }
    this.replicator?.replicate(position, predictiveStream(this.seed, chain + heldOutChains, draw), values);
    if (this.replicator !== undefined) {
      for (let row = 0; row < values.length; row++) {
        if (values[row] <= observed[row]) sums.atMost[row]++;
        if (values[row] < observed[row]) sums.below[row]++;
      }
    }
    this.sums = { ...sums, draws: sums.draws + 1 };
  }

  /** The sums as they stand, for a checkpoint. */
  save(): HeldOutSums {
    const { draws, chains, atMost, below } = this.sums;
    const copy = ({ prediction, largest, density }: ChainSums): ChainSums => ({
      prediction: prediction.slice(),
      largest: largest.slice(),
      density: density.slice(),
    });
    return { draws, chains: chains.map(copy), atMost: atMost.slice(), below: below.slice() };
  }

  /** Writes a row for each held-out row into the folder, and sums them up. */
  async finish(folder: string): Promise<HeldOutSummary> {
    const { draws, chains, atMost, below } = this.sums;
    const predictions: HeldOutPredictions = {
      observed: this.held.model.observed.values,
      mean: this.values.map((_, row) => chains.reduce((sum, { prediction }) => sum + prediction[row], 0) / draws),
      logDensity: this.values.map((_, row) => {
        const largest = Math.max(...chains.map((own) => own.largest[row]));
        if (largest === -Infinity) return largest;
        const sum = chains.reduce((all, own) => all + own.density[row] * Math.exp(own.largest[row] - largest), 0);
        return largest + Math.log(sum / draws);
      }),
      ...(this.replicator && {
        replicated: { atMost: atMost.map((n) => n / draws), below: below.map((n) => n / draws) },
      }),
    };
    await writePredictions(folder, predictions);
    return { ...heldOutFigures(predictions), draws, notes: this.held.notes };
  }

  async dispose(): Promise<void> {
    await this.predict.dispose();
    await this.logLikelihood.dispose();
    await this.replicator?.dispose();
  }
}

/** The predictions of several fits of the same rows, as one. @param fits what each says of itself, and its folder */
export async function poolHeldOut(
  fits: readonly { readonly folder: string; readonly summary: HeldOutSummary }[],
): Promise<HeldOutSummary> {
  const each = await Promise.all(fits.map(({ folder }) => readPredictions(folder)));
  const m = each.length;
  const mean = (of: (own: Predictions) => Float64Array): Float64Array =>
    of(each[0]).map((_, row) => each.reduce((sum, own) => sum + of(own)[row], 0) / m);
  const predictions: HeldOutPredictions = {
    observed: each[0].observed,
    mean: mean((own) => own.mean),
    logDensity: each[0].log_density.map((_, row) => {
      const largest = Math.max(...each.map((own) => own.log_density[row]));
      if (largest === -Infinity) return largest;
      return largest + Math.log(each.reduce((sum, own) => sum + Math.exp(own.log_density[row] - largest), 0) / m);
    }),
    ...(each.every((own) => own.at_most !== undefined) && {
      replicated: { atMost: mean((own) => own.at_most!), below: mean((own) => own.below!) },
    }),
  };
  const draws = fits.reduce((sum, { summary }) => sum + summary.draws, 0);
  return { ...heldOutFigures(predictions), draws, notes: fits[0].summary.notes };
}

interface Predictions {
  readonly observed: Float64Array;
  readonly mean: Float64Array;
  readonly log_density: Float64Array;
  readonly at_most?: Float64Array;
  readonly below?: Float64Array;
}

async function readPredictions(folder: string): Promise<Predictions> {
  const path = join(folder, fileName);
  return await withDuckDB(async (connection) => {
    const result = await connection.runAndReadAll(`FROM read_parquet(${quoteText(path)})`);
    const columns = result.getColumnsJS();
    const names = result.columnNames();
    return Object.fromEntries(
      names.map((name, i) => [name, Float64Array.from(columns[i] as readonly number[])]),
    ) as unknown as Predictions;
  });
}

function evaluate(evaluator: Evaluator, position: Float64Array, target: Float64Array): void {
  if (evaluator.evaluate(position, target) !== undefined)
    throw new Error('predictions of rows need a device that evaluates at once');
}

/** Rows are in the order of the held-out rows of the data. */
async function writePredictions(
  folder: string,
  { observed, mean, logDensity, replicated }: HeldOutPredictions,
): Promise<void> {
  const columns = {
    observed,
    mean,
    log_density: logDensity,
    ...(replicated && { at_most: replicated.atMost, below: replicated.below }),
  };
  await writeTable(
    join(folder, fileName),
    Object.entries(columns).map(([name, values]) => ({ name, values: Float64Array.from(values) })),
  );
}

/** The figures in a line, for the terminal. */
export function heldOutLine({ rows, rmse, mae, r2, coverage95, logPredictiveDensity }: HeldOutSummary): string {
  const short = (x: number): string => String(Number(x.toPrecision(4)));
  const coverage = coverage95 === null ? '' : `, ${(100 * coverage95).toFixed(1)} % inside 95 % intervals`;
  return `held out: ${rows} rows, RMSE ${short(rmse)}, MAE ${short(mae)}, R² ${short(r2)}${coverage}, log predictive density ${short(logPredictiveDensity)}`;
}
