// Fits a posterior of posteriordb and compares it with the collection's reference draws.
//
//     npx tsx scripts/posteriordb.ts                                   lists the posteriors whose models are declared here
//     npx tsx scripts/posteriordb.ts NAME [--folder DIR] [--model FILE] [--method METHOD] [--chains N] [--warmup N] [--draws N] [--seed N]
//
// DIR is a clone of posteriordb or a folder of its files; default ../shared/data/posteriordb. FILE is a TypeScript or JavaScript module whose
// default export makes the model of the data (`(data) => Model`); `elements` and `settings` beside it are as in posteriordb/declared.ts.
//
// Exit 0: every R-hat below 1.01, every bulk ESS above 400, and means and standard deviations within 4 combined Monte-Carlo standard errors of
// the reference draws, where there are any. 1: something of that does not hold. 2: wrong arguments or files.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { describeFailure } from '../src/cli/exitCodes.js';
import { InputError } from '../src/data/inputError.js';
import { essBulk, rhat } from '../src/diagnostics/index.js';
import { fit, type FitOptions, type Posterior } from '../src/inference/fit.js';
import { type MethodName, methods } from '../src/inference/methods/index.js';
import { type Chains, Collection, sharedFolder } from './posteriordb/collection.js';
import { compare, moments } from './posteriordb/comparison.js';
import { type DeclaredPosterior, declaredPosteriors, elementOf } from './posteriordb/declared.js';

const limits = { rhat: 1.01, ess: 400, distance: 4 };

async function main(): Promise<number> {
  const given = await yargs(hideBin(process.argv))
    .scriptName('posteriordb')
    .locale('en')
    .options({
      folder: { type: 'string', default: sharedFolder, requiresArg: true },
      model: { type: 'string', requiresArg: true },
      method: { choices: ['auto', ...Object.keys(methods)], default: 'auto' },
      chains: { type: 'number' },
      warmup: { type: 'number' },
      draws: { type: 'number' },
      seed: { type: 'number', default: 1 },
    })
    .strictOptions()
    .version(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new InputError(message ?? 'wrong arguments');
    })
    .parseAsync();
  const [name, ...more] = given._.map(String);
  if (name === undefined) {
    console.log(Object.keys(declaredPosteriors).join('\n'));
    return 0;
  }
  if (more.length > 0) throw new InputError(`'${more[0]}' is one argument too many: one posterior at a time`);
  const declared = given.model === undefined ? declaredPosterior(name) : await loadModel(given.model);
  const collection = new Collection(given.folder);
  const data = collection.readData(name);
  const reference = collection.readReferenceDraws(declared.reference ?? name);
  const method = given.method as MethodName | 'auto';
  const model = modelFor(method, declared, data);
  const { chains, warmup, draws, seed } = given;
  const set = Object.fromEntries(
    Object.entries({ chains, warmup, draws, seed }).filter(([, value]) => value !== undefined),
  );
  const posterior = await fit(model, { ...declared.settings, ...set, method } satisfies FitOptions);
  const { method: taken, why } = posterior.method;
  console.log(`${name} by ${[taken.title, ...(why === undefined ? [] : [why])].join(': ')}`);
  const failures = reference === undefined ? judgeAlone(posterior) : judge(posterior, reference, declared);
  if (reference === undefined)
    console.log(`\nno reference draws of ${name} in ${given.folder}: convergence alone is judged`);
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

function declaredPosterior(name: string): DeclaredPosterior {
  if (Object.hasOwn(declaredPosteriors, name)) return declaredPosteriors[name];
  throw new InputError(
    `no model of '${name}' is declared here (without a name, this command lists those that are): give its file, as --model FILE`,
  );
}

async function loadModel(path: string): Promise<DeclaredPosterior> {
  const loaded = (await import(pathToFileURL(resolve(path)).href).catch((error: unknown) => {
    throw new InputError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  })) as { readonly default?: unknown } & Omit<DeclaredPosterior, 'model'>;
  if (typeof loaded.default !== 'function') {
    throw new InputError(`${path}: its default export is no function from the data to a model`);
  }
  return { ...loaded, model: loaded.default as DeclaredPosterior['model'] };
}

/** The declared hierarchy where the method is for those alone. */
function modelFor(method: MethodName | 'auto', { model, hierarchy }: DeclaredPosterior, data: unknown) {
  const plain = model(data);
  const refusal = method === 'auto' ? undefined : methods[method].refusal(plain);
  if (refusal === undefined) return plain;
  const other = hierarchy?.(data);
  if (other === undefined || methods[method as MethodName].refusal(other) !== undefined) throw new InputError(refusal);
  return other;
}

/** Prints each parameter beside its reference; returns what is amiss. */
function judge(
  posterior: Posterior,
  reference: ReadonlyMap<string, Chains>,
  { elements }: DeclaredPosterior,
): string[] {
  printRow(['parameter', 'mean', 'sd', 'R-hat', 'ESS', 'd mean', 'd sd']);
  return [...reference].flatMap(([parameter, theirs]) => {
    const own = posterior.element(...elementOf(posterior.model, parameter, elements));
    const { mean, sd } = compare(own, theirs);
    return printParameter(parameter, own, [mean, sd]);
  });
}

/** Without reference draws: every element of the population's sites. */
function judgeAlone(posterior: Posterior): string[] {
  printRow(['parameter', 'mean', 'sd', 'R-hat', 'ESS']);
  return posterior.sites
    .filter(({ level, isFixed }) => level === 'population' && isFixed === undefined)
    .flatMap(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return Array.from({ length: size }, (_, element) =>
        printParameter(shape.length === 0 ? name : `${name}[${element + 1}]`, posterior.element(name, element), []),
      ).flat();
    });
}

/** @param distances of mean and standard deviation from the reference, in standard errors */
function printParameter(parameter: string, draws: Chains, distances: readonly number[]): string[] {
  const { mean, sd } = moments(draws);
  const [ratio, ess] = [rhat(draws), essBulk(draws)];
  printRow([
    parameter,
    mean.toPrecision(5),
    sd.toPrecision(4),
    ratio.toFixed(4),
    ess.toFixed(0),
    ...distances.map((distance) => distance.toFixed(2)),
  ]);
  // Written so that NaN fails.
  return [
    ...(ratio < limits.rhat ? [] : [`R-hat of ${parameter}`]),
    ...(ess > limits.ess ? [] : [`ESS of ${parameter}`]),
    ...['mean', 'sd']
      .filter((_, i) => i < distances.length && !(Math.abs(distances[i]) < limits.distance))
      .map((which) => `${which} of ${parameter}: beyond ${limits.distance} standard errors`),
  ];
}

function printRow([first, ...others]: readonly string[]): void {
  console.log(first.padEnd(24) + others.map((cell) => cell.padStart(10)).join(''));
}

try {
  process.exitCode = await main();
} catch (error) {
  const { line, code } = describeFailure(error);
  console.error(`posteriordb: ${line}`);
  process.exitCode = code;
}
