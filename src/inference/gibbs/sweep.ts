// A Gibbs sweep of all chains: the fixed block, each term, the errors; one compiled program a block, one lane a chain.
import type { Device } from '../../kernels/device.js';
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import { sites, type StepKey } from '../random/streams.js';
import type { ChainValues } from './chainValues.js';
import { effectsOf, FixedDraws, type FixedNormalEquations } from './fixedBlock.js';
import { compileFixed } from './fixedProgram.js';
import { JoinedMeans } from './joinedMeans.js';
import type { BoundProgram } from './program.js';
import { rowNames } from './rowTensors.js';
import { RowWeights } from './rows.js';
import { updateSd } from './sdUpdates.js';
import { sharedColumns, shiftBetween } from './sharedColumns.js';
import type { ScaleLearner } from './scaleLearner.js';
import { horseshoesOnSigma } from './shrinkage.js';
import type { Progress } from './scalars/tuning.js';
import type { Scheme } from './settings.js';
import { type GivenChain, TermBlock } from './termBlock.js';

/** A chain that takes part in a sweep. */
export interface SweptChain {
  /** Lane of the programs that is its own. */
  readonly lane: number;
  readonly values: ChainValues;
  readonly key: StepKey;
  /** By term; without it scales are not moved with the coefficients integrated out. */
  readonly learners?: readonly ScaleLearner[];
  readonly progress: Progress;
}

/** Blocks by number: 0 the fixed block, 1 the errors, t + 2 term t. */
const blocks = { fixed: 0, errors: 1, term: (t: number) => t + 2 } as const;
const normalsOf = (key: StepKey, block: number) => key.stream(sites.gibbs + 3 * block);
const othersOf = (key: StepKey, block: number) => key.stream(sites.gibbs + 3 * block + 1);
const movesOf = (key: StepKey, block: number) => key.stream(sites.gibbs + 3 * block + 2);

export class GibbsSweep {
  private constructor(
    private readonly structure: LinearHierarchy,
    private readonly terms: readonly TermBlock[],
    private readonly fixed:
      { readonly draws: FixedDraws; readonly program: BoundProgram; readonly joined: JoinedMeans } | undefined,
    private readonly rowWeights: RowWeights | undefined,
    private readonly shared: ReturnType<typeof sharedColumns>,
  ) {}

  /** Compiles the programs of all blocks. */
  static async create(structure: LinearHierarchy, device: Device, chains: number, scheme: Scheme): Promise<GibbsSweep> {
    const { fixed, rows, errors, terms } = structure;
    const isWeighted = errors.df !== undefined;
    const termBlocks: TermBlock[] = [];
    // Whichever goes through the rows first: the others find them there.
    let rowProgram: BoundProgram | undefined;
    for (let t = 0; t < terms.length; t++) {
      const block = await TermBlock.create(structure, t, device, chains, scheme, rowProgram);
      rowProgram ??= block.rowProgram;
      termBlocks.push(block);
    }
    const joined = fixed && JoinedMeans.create(structure);
    return new GibbsSweep(
      structure,
      termBlocks,
      joined && {
        joined,
        draws: new FixedDraws(joined.block, rows, isWeighted),
        program: await compileFixed(structure, device, chains, joined.terms, rowProgram),
      },
      isWeighted ? new RowWeights(structure) : undefined,
      sharedColumns(structure),
    );
  }

  get memoryBytes(): number {
    const programs = [...this.terms, ...(this.fixed ? [this.fixed.program] : [])];
    return programs.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  }

  /** Bytes of data that a sweep reads, at 8 a number. */
  get dataBytes(): number {
    const programs = [...this.terms, ...(this.fixed ? [this.fixed.program] : [])];
    return programs.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
  }

  /** Blocks that a scan puts in order: the fixed block, where there is one, is −1; terms are their numbers. */
  get scanned(): number[] {
    return [...(this.fixed === undefined ? [] : [-1]), ...this.terms.map((_, t) => t)];
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.terms.map((term) => term.dispose()), this.fixed?.program.dispose()]);
  }

  /** Updates the given chains, their blocks in the order of `scan` (see `scanned`), the errors last. */
  async sweep(chains: readonly SweptChain[], scan: readonly number[]): Promise<void> {
    const squares = new Float64Array(chains.length);
    if (this.rowWeights !== undefined) {
      for (const { values, key } of chains) {
        this.rowWeights.draw(normalsOf(key, blocks.errors), values, this.effectsOf(values));
      }
    }
    for (const block of scan) {
      if (block >= 0 && this.terms[block].movesScales) {
        const moving = this.moveScales(block, chains);
        if (moving !== undefined) await moving;
      }
      const running = block < 0 ? this.updateFixed(chains, squares) : this.updateTerm(block, chains, squares);
      if (running !== undefined) await running;
    }
    const { errors, rows } = this.structure;
    for (const [i, { values, key }] of chains.entries()) {
      const stream = othersOf(key, blocks.errors);
      for (const pair of this.shared) shiftBetween(stream, this.structure, values, pair);
      const more = horseshoesOnSigma(this.structure, values);
      values.sigma = updateSd(stream, errors.prior, { count: rows, sum: squares[i] }, values.sigma, more);
    }
  }

  /** Moves the scales of those chains whose own mix slowly. */
  private moveScales(t: number, chains: readonly SweptChain[]): void | Promise<void> {
    const moved = chains.flatMap(({ lane, values, key, learners, progress }): GivenChain[] => {
      const learner = learners?.[t];
      const by = learner?.movedBy(progress);
      if (learner === undefined || by === undefined) return [];
      const stream = movesOf(key, blocks.term(t));
      return [{ lane, values, effects: this.effectsOf(values), learner, by, progress, stream }];
    });
    return moved.length === 0 ? undefined : this.terms[t].moveScales(moved);
  }

  private updateTerm(t: number, chains: readonly SweptChain[], squares: Float64Array): void | Promise<void> {
    const term = this.terms[t];
    const number = blocks.term(t);
    const others = chains.map(({ key }) => othersOf(key, number));
    for (const [i, { lane, values, key }] of chains.entries()) {
      term.prepare(lane, values, this.effectsOf(values), normalsOf(key, number), others[i]);
    }
    const finish = (): void => {
      for (const [i, { lane, values }] of chains.entries()) squares[i] = term.finish(lane, values, others[i]);
    };
    const running = term.run();
    return running === undefined ? finish() : running.then(finish);
  }

  private updateFixed(chains: readonly SweptChain[], squares: Float64Array): void | Promise<void> {
    const finish = (): void => {
      for (const [i, chain] of chains.entries()) squares[i] = this.drawFixed(chain);
    };
    const running = this.runFixed(chains);
    return running === undefined ? finish() : running.then(finish);
  }

  /** Has the rows without θ accumulated at the chains' other values. */
  private runFixed(chains: readonly SweptChain[]): void | Promise<void> {
    const { program } = this.fixed!;
    for (const { lane, values } of chains) {
      for (const [t, { levels }] of values.terms.entries()) program.set(rowNames.term(t), lane, levels[0].coefficients);
      if (values.weights !== undefined) program.set('weights', lane, values.weights);
    }
    return program.run();
  }

  /** What the last run says of θ in one chain. */
  private equationsOf({ lane, values }: SweptChain): FixedNormalEquations {
    const { program, draws } = this.fixed!;
    const indicators = new Float64Array(draws.indicators);
    program.read('cross', lane, indicators);
    return { cross: draws.contrast(indicators), gram: draws.gramOf(this.structure.rows, values.weights) };
  }

  /** What the rows say of θ at a chain's other values. */
  async fixedEquations(chain: SweptChain): Promise<FixedNormalEquations> {
    await this.runFixed([chain]);
    return this.fixed!.joined.ownEquations(this.equationsOf(chain));
  }

  /** Returns the sum of squares of what θ leaves of the rows. */
  private drawFixed(chain: SweptChain): number {
    const { program, draws, joined } = this.fixed!;
    const { lane, values, key } = chain;
    const equations = this.equationsOf(chain);
    const noise = new Float64Array(draws.free);
    normalsOf(key, blocks.fixed).fillNormal(noise);
    const before = joined.coefficientsOf(values);
    const squares = program.readScalar('squares', lane) + joined.addMeans(before, equations);
    const state = { ...values.fixed!, coefficients: before.slice() };
    draws.drawCoefficients(noise, equations, 1 / (values.sigma * values.sigma), state);
    draws.drawScales(othersOf(key, blocks.fixed), equations, values.sigma, state);
    joined.assign(values, before, state.coefficients);
    return squares + changeOfSquares(state.coefficients, equations);
  }

  /** Effects of every level of each category. */
  private effectsOf({ fixed }: ChainValues): Float64Array[] {
    if (fixed === undefined) return [];
    const block = this.structure.fixed!;
    return block.categories.map((_, c) => effectsOf(block, c, fixed.coefficients));
  }
}

/** θ'F'ΩFθ − 2θ'F'Ωr. */
function changeOfSquares(theta: Float64Array, { gram, cross }: FixedNormalEquations): number {
  const size = theta.length;
  let change = 0;
  for (let i = 0; i < size; i++) {
    let product = 0;
    for (let j = 0; j < size; j++) product += gram[i * size + j] * theta[j];
    change += theta[i] * (product - 2 * cross[i]);
  }
  return change;
}
