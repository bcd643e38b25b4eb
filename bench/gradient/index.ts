// Benchmark `gradient`: value and gradient of a three-level regression, generated code against other ways to get them.
import { sizeOf } from '../../src/kernels/program/tensorProgram.js';
import { storageBytes } from '../../src/kernels/compiler/memoryLayout.js';
import { compile } from '../../src/kernels/compiler/compile.js';
import { thisMachine } from '../machine.js';
import { interleave, median, medianRatio, repeated, type Contender } from '../rounds.js';
import { formatTable } from '../table.js';
import { bind, traceProgram } from './density.js';
import { eagerDensity } from './eager.js';
import { eightSchools } from './eightSchools.js';
import { handWrittenKernel } from './handWrittenKernel.js';
import { modelDensity } from './model.js';
import { makeProblem, orangeJuice, type Problem } from './problem.js';
import { startStan } from './stan.js';

const chains = 4;
const rounds = 61;
/** Evaluations in a row: few, so that some rounds pass undisturbed on a busy machine. */
const batch = 3;

interface Row {
  readonly name: string;
  /** Chains that one evaluation serves. */
  readonly chains: number;
  /** Median and least over the rounds. */
  readonly milliseconds: number;
  readonly bestMilliseconds: number;
  readonly millisecondsPerChain: number;
  /** Median over the rounds of its time per chain over that of generated code with one thread. */
  readonly ratio: number;
}

/** Prints the table; options: --json (figures as JSON instead), --without-stan, --without-eager. */
export async function gradientBenchmark(options: readonly string[]): Promise<void> {
  const unknown = options.find((option) => !['--json', '--without-stan', '--without-eager'].includes(option));
  if (unknown !== undefined) {
    console.error(`unknown option ${unknown}; options: --json --without-stan --without-eager`);
    process.exitCode = 2;
    return;
  }
  const machine = thisMachine();
  const problem = makeProblem(orangeJuice);
  const compileMilliseconds = timeCompilation(problem);
  const program = traceProgram(problem);
  const one = await bind(problem, program, chains, 1);
  const two = await bind(problem, program, chains, 2);
  await two.executable.threadsReady();
  const hand = handWrittenKernel(problem);
  const checks = checkAgainst(problem, one.executable, hand);

  const dataBytes = one.compiled.arrays.reduce(
    (sum, { length, storage }) => sum + (length === problem.sizes.rows ? length * storageBytes[storage] : 0),
    0,
  );
  const source = new Float64Array(dataBytes / 8).fill(1);
  const target = new Float64Array(dataBytes / 8);
  const contenders: (Contender & { readonly chains: number })[] = [];
  const add = (contender: Contender, served: number): void => void contenders.push({ ...contender, chains: served });
  const generated = 'generated, 1 thread';
  const generatedTwo = 'generated, 2 threads';
  const handWritten = 'hand-written, 1 thread';
  const copy = 'copy of the data';
  add(
    repeated(generated, batch, () => one.executable.run()),
    chains,
  );
  add(
    repeated(handWritten, batch, () => hand.run()),
    chains,
  );
  add(
    repeated(generatedTwo, batch, () => two.executable.run()),
    chains,
  );
  add(
    repeated(copy, batch, () => target.set(source)),
    1,
  );
  for (const likelihood of ['rows', 'shortest'] as const) {
    const density = await modelDensity(problem, likelihood);
    add(
      repeated(
        `three-level model, ${likelihood}`,
        likelihood === 'rows' ? batch : 20 * batch,
        () => void density.evaluate(),
      ),
      chains,
    );
  }
  const small = await eightSchools(chains);
  add(
    repeated('eight schools', 10_000, () => small.run()),
    chains,
  );
  const notMeasured: string[] = [];
  if (options.includes('--without-eager')) notMeasured.push('tfjs (--without-eager)');
  else {
    for (const backend of ['wasm', 'cpu'] as const) {
      const eager = await eagerDensity(problem, backend);
      checks[`tfjs ${backend}, relative difference of the value`] = relative(eager.evaluate().value, hand.value[0]);
      add(
        repeated(`tfjs eager, ${backend}, f32`, 1, () => void eager.evaluate()),
        1,
      );
    }
  }
  const stan = options.includes('--without-stan') ? undefined : await startStan(problem);
  if (stan === undefined) {
    notMeasured.push(
      `Stan (${options.includes('--without-stan') ? '--without-stan' : 'Rscript or rstan is not here'})`,
    );
  } else {
    checks['Stan, relative difference of the value'] = relative(stan.value, hand.value[0]);
    checks['Stan, relative difference of the gradient norm'] = relative(stan.gradientNorm, gradientNorm(hand.gradient));
    add({ name: 'Stan (rstan)', measure: () => stan.measure() }, 1);
  }

  const times = await interleave(contenders, rounds, 60);
  stan?.stop();
  // In turns with one another only: as in a fit, nothing else then takes the caches.
  const pair = await interleave(
    [
      repeated(generated, 5 * batch, () => one.executable.run()),
      repeated(generatedTwo, 5 * batch, () => two.executable.run()),
    ],
    rounds,
    10,
  );
  await two.executable.dispose();
  const perChain = (name: string): number[] => {
    const { chains: served } = contenders.find((contender) => contender.name === name)!;
    return times.get(name)!.map((milliseconds) => milliseconds / served);
  };
  const rows = contenders.map(({ name, chains: served }): Row => {
    const milliseconds = median(times.get(name)!);
    const ratio = medianRatio(perChain(name), perChain(generated));
    const bestMilliseconds = Math.min(...times.get(name)!);
    return { name, chains: served, milliseconds, bestMilliseconds, millisecondsPerChain: milliseconds / served, ratio };
  });
  const figures = {
    'generated over hand-written (aim: at most 1.25)': medianRatio(times.get(generated)!, times.get(handWritten)!),
    '1 thread over 2 threads, the two in turns (aim: at least 1.8)': medianRatio(
      pair.get(generated)!,
      pair.get(generatedTwo)!,
    ),
    '1 thread over 2 threads, in turns with all the others': medianRatio(
      times.get(generated)!,
      times.get(generatedTwo)!,
    ),
    ...(stan === undefined
      ? {}
      : { 'Stan over generated, per chain and thread (aim: at least 20)': rows.at(-1)!.ratio }),
    'generated, 1 thread: ns per row, all chains': (median(times.get(generated)!) * 1e6) / problem.sizes.rows,
    'data read, GB/s': dataBytes / median(times.get(generated)!) / 1e6,
    'data bytes per second over a plain copy': medianRatio(times.get(copy)!, times.get(generated)!),
    'eight schools, 4 chains: microseconds per evaluation (aim: below 1)': median(times.get('eight schools')!) * 1000,
    'trace, differentiate and compile, ms (aim: at most 50)': compileMilliseconds,
  };
  if (options.includes('--json')) {
    console.log(JSON.stringify({ machine, sizes: problem.sizes, rounds, rows, figures, checks, notMeasured }, null, 2));
  } else {
    print(machine, problem, dataBytes, rows, figures, checks, notMeasured);
  }
}

function timeCompilation(problem: Problem): number {
  const parameters = problem.blocks.map(({ name, shape }) => ({ name, size: sizeOf(shape) }));
  return median(
    Array.from({ length: 5 }, () => {
      const start = performance.now();
      compile(traceProgram(problem), { parameters, data: problem.data, chains, precision: 'double' });
      return performance.now() - start;
    }),
  );
}

type Executable = Awaited<ReturnType<typeof bind>>['executable'];

/** Largest differences between generated and hand-written results, relative to the largest number of each array. */
function checkAgainst(problem: Problem, executable: Executable, hand: ReturnType<typeof handWrittenKernel>) {
  executable.run();
  hand.run();
  const gradient = executable.output(...problem.blocks.map(({ name }) => `gradient ${name}`));
  return {
    'generated and hand-written, value': worst(executable.output('value'), hand.value),
    'generated and hand-written, gradient': worst(gradient, hand.gradient),
  } as Record<string, number>;
}

function worst(actual: Float64Array, expected: Float64Array): number {
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]) / scale), 0);
}

const relative = (actual: number, expected: number): number => Math.abs(actual - expected) / Math.abs(expected);

/** Norm of the first chain's gradient. */
function gradientNorm(gradient: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < gradient.length; i += chains) sum += gradient[i] ** 2;
  return Math.sqrt(sum);
}

function print(
  machine: ReturnType<typeof thisMachine>,
  problem: Problem,
  dataBytes: number,
  rows: readonly Row[],
  figures: Readonly<Record<string, number>>,
  checks: Readonly<Record<string, number>>,
  notMeasured: readonly string[],
): void {
  const { rows: count, coefficients } = problem.sizes;
  console.log(
    `${machine.cpu}, ${machine.cores} cores, ${machine.architecture}, Node ${machine.node}, load ${machine.loadAverage.toFixed(1)}`,
  );
  console.log(
    `${count} rows, ${problem.units} units, ${problem.sizes.markets} markets, ${coefficients} coefficients, ${problem.dimension} parameters; f64; ${(dataBytes / 1e6).toFixed(1)} MB of data; medians of ${rounds} interleaved rounds\n`,
  );
  console.log(
    formatTable(
      ['value and gradient', 'chains', 'ms', 'best ms', 'ms per chain', 'over generated, per chain'],
      rows.map((row) => [
        row.name,
        String(row.chains),
        row.milliseconds.toPrecision(3),
        row.bestMilliseconds.toPrecision(3),
        row.millisecondsPerChain.toPrecision(3),
        row.ratio.toPrecision(3),
      ]),
    ),
  );
  const list = (record: Readonly<Record<string, number>>, digits: number): string[][] =>
    Object.entries(record).map(([name, value]) => [name, value.toPrecision(digits)]);
  console.log(`\n${formatTable(['figure', ''], list(figures, 3))}`);
  console.log(`\n${formatTable(['same results', ''], list(checks, 2))}`);
  for (const what of notMeasured) console.log(`\nnot measured: ${what}`);
}
