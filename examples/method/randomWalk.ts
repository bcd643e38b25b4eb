// A method of inference as small as one can be: random-walk Metropolis. Copy it to write your own.
import type { Method, MethodSnapshot } from '../../src/inference/index.js';
import { compileDensity, modelSettings } from '../../src/inference/index.js';
import { randomKey, stepKey } from '../../src/inference/random/streams.js';

/** What a run needs to go on: the state of every chain between two transitions. JSON keeps doubles exactly. */
interface RandomWalkSnapshot {
  readonly done: number;
  readonly positions: readonly (readonly number[])[];
  readonly logDensities: readonly number[];
}

/**
 * Proposes x + s z with z ~ N(0, diag(v)) and s = 2.4 / √dimension (Roberts, Gelman and Gilks 1997); v are the model's rough posterior
 * variances. One lane of the compiled density is one chain, so a step evaluates all chains in one batch.
 */
export const randomWalk: Method = {
  // A method of hierax itself adds its name to `MethodName`, and itself to `methods`.
  name: 'nuts',
  title: 'random-walk Metropolis',
  effort: 'gradients',
  statistics: ['logDensity', 'acceptanceRate'],
  draws: 'chains',
  usual: { chains: 4, warmup: 5000, draws: 5000 },
  // Say here, in one line, what a model lacks: `model.structure === undefined ? 'needs a declared …' : undefined`.
  refusal: () => undefined,
  prepare: async (model, device, { chains }) => {
    const density = await compileDensity(model, device, chains);
    const { dimension, lanes, positions, logDensities } = density;
    return {
      dimension,
      threads: 1,
      precision: device.precision,
      division: 'all chains in one batch',
      memory: { hostBytes: density.memoryBytes, deviceBytes: 0, dataBytes: 0 },
      timeStep: async () => {
        const started = performance.now();
        await density.evaluate();
        return performance.now() - started;
      },
      run: async (settings, { onDraw, wantsDraw }, { signal, resume }) => {
        const { warmup = 5000, draws = 5000, seed = 1, initial, inverseMass } = modelSettings(model, settings);
        const key = randomKey(seed);
        const saved = resume as RandomWalkSnapshot | undefined;
        const noise = new Float64Array(dimension);
        const centre = initial?.centre ?? 0;
        const at = Array.from({ length: chains }, (_, c) =>
          Float64Array.from(
            { length: dimension },
            (_, i) => saved?.positions[c][i] ?? (typeof centre === 'number' ? centre : centre[i]),
          ),
        );
        const evaluate = async (proposals: readonly Float64Array[]): Promise<Float64Array> => {
          proposals.forEach((proposal, c) => proposal.forEach((x, i) => (positions[i * lanes + c] = x)));
          await density.evaluate();
          return logDensities.slice(0, chains);
        };
        const value = saved ? Float64Array.from(saved.logDensities) : await evaluate(at);
        const scale = 2.4 / Math.sqrt(dimension);
        let step = saved?.done ?? 0;
        for (; step < warmup + draws && signal?.aborted !== true; step++) {
          const proposals = at.map((position, c) => {
            stepKey(key, c, step).stream(0).fillNormal(noise);
            return position.map((x, i) => x + scale * Math.sqrt(inverseMass?.[i] ?? 1) * noise[i]);
          });
          const proposed = await evaluate(proposals);
          for (let c = 0; c < chains; c++) {
            const acceptanceRate = Math.min(1, Math.exp(proposed[c] - value[c])) || 0;
            if (stepKey(key, c, step).stream(1).bernoulli(acceptanceRate)) {
              at[c] = proposals[c];
              value[c] = proposed[c];
            }
            const phase = step < warmup ? 'warmup' : 'sampling';
            const index = step < warmup ? step : step - warmup;
            const position = (wantsDraw?.(c, phase, index) ?? true) ? at[c] : new Float64Array(0);
            onDraw({ chain: c, phase, index, position, info: { logDensity: value[c], acceptanceRate } });
          }
        }
        const snapshot: MethodSnapshot = {
          done: step,
          positions: at.map((position) => [...position]),
          logDensities: [...value],
        } satisfies RandomWalkSnapshot;
        const isComplete = step === warmup + draws;
        return { isComplete, snapshot, findings: [], chains: at.map(() => ({ effort: step })) };
      },
      dispose: () => density.dispose(),
    };
  },
};
