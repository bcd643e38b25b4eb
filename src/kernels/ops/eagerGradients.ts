// Gradients that tfjs lacks for truth values: zero everywhere, so that `where(x.less(0), …)` can be differentiated eagerly.
import * as tf from '@tensorflow/tfjs-core';

const binaryTests = [
  'Equal',
  'NotEqual',
  'Less',
  'LessEqual',
  'Greater',
  'GreaterEqual',
  'LogicalAnd',
  'LogicalOr',
  'LogicalXor',
];
const unaryTests = ['LogicalNot', 'IsNan', 'IsInf', 'IsFinite'];

function registerZeroGradient(kernelName: string, inputs: readonly string[]): void {
  if (tf.getGradient(kernelName) !== undefined) return;
  tf.registerGradient({
    kernelName,
    inputsToSave: [...inputs],
    gradFunc: (_, saved) => Object.fromEntries(inputs.map((name, i) => [name, () => tf.zeros(saved[i].shape)])),
  });
}

for (const name of binaryTests) registerZeroGradient(name, ['a', 'b']);
for (const name of unaryTests) registerZeroGradient(name, ['x']);
