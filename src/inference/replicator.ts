// Replicated data of a model at given positions, whether it makes them of normals or draws them one by one.
import type { Device } from '../kernels/device.js';
import type { DrawnReplication, Model } from '../models/model.js';
import { compileQuantity, type Evaluator } from './compiledModel.js';
import { Normals } from './random/normals.js';
import type { RandomStream } from './random/streams.js';

export interface Replicator {
  /** Writes a data set, `[observations]`, into `target`; a fresh stream for each. The device must be one that evaluates at once. */
  replicate(position: ArrayLike<number>, stream: RandomStream, target: Float64Array): void;
  dispose(): Promise<void>;
}

/** Rejects with Error for a model that declares no replication. */
export async function compileReplicator(model: Model, device: Device): Promise<Replicator> {
  const evaluator = await compileQuantity(model, device, 'replicate');
  const { replicate } = model;
  const dispose = (): Promise<void> => evaluator.dispose();
  return typeof replicate === 'object'
    ? { replicate: drawn(evaluator, replicate), dispose }
    : { replicate: ofNormals(evaluator), dispose };
}

function ofNormals(evaluator: Evaluator): Replicator['replicate'] {
  const normals = new Normals();
  let input = new Float64Array(0);
  return (position, stream, target) => {
    if (input.length === 0) input = new Float64Array(position.length + target.length);
    input.set(position);
    input.set(normals.of(stream, target.length), position.length);
    evaluateAtOnce(evaluator, input, target);
  };
}

function drawn(evaluator: Evaluator, { draw }: DrawnReplication): Replicator['replicate'] {
  const table = new Float64Array(evaluator.outputs[0].size);
  const normal = new Float64Array(1);
  return (position, stream, target) => {
    const random = {
      uniform: () => stream.uniform(),
      normal: () => {
        stream.fillNormal(normal);
        return normal[0];
      },
    };
    evaluateAtOnce(evaluator, position, table);
    const width = table.length / target.length;
    for (let i = 0; i < target.length; i++) target[i] = draw(table.subarray(i * width, (i + 1) * width), random);
  };
}

function evaluateAtOnce(evaluator: Evaluator, position: ArrayLike<number>, target: Float64Array): void {
  if (evaluator.evaluate(position, target) !== undefined) {
    throw new Error('replications need a device that evaluates at once');
  }
}
