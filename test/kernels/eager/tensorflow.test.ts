// The device `cuda`: what is said where TensorFlow is not installed or does not load, and how it is found where it is.
import { expect, it } from 'vitest';
import { nodeTensorflow, TensorflowMissingError } from '../../../src/kernels/adapters/nodeTensorflow.js';
import { eagerDevices } from './backends.js';

/** Node's own error for a package that is not there. */
const absent = (): Promise<unknown> => import(['hierax', 'no', 'such', 'package'].join('-'));

async function nodeError(name: string): Promise<never> {
  const cause: unknown = await absent().catch((error: unknown) => error);
  throw Object.assign(new Error(`Cannot find package '${name}' imported from here`), {
    code: (cause as { code: string }).code,
  });
}

it('says what to install, which CUDA it takes, and what needs neither', async () => {
  const loading = nodeTensorflow(nodeError);
  await expect(loading).rejects.toThrow(TensorflowMissingError);
  await expect(loading).rejects.toThrow(
    /^TensorFlow for Node is not installed: npm install @tensorflow\/tfjs-node-gpu@4\.22\.0 .*CUDA 11\.2 and cuDNN 8\.1.*webgpu/,
  );
});

it('a package that does not load is told from one that is not there, in one line', async () => {
  const loading = nodeTensorflow(() =>
    Promise.reject(new Error('libcudart.so.11.0: cannot open shared object file\nmore')),
  );
  await expect(loading).rejects.toThrow(TensorflowMissingError);
  await expect(loading).rejects.toThrow(
    /^@tensorflow\/tfjs-node-gpu is installed but does not load \(libcudart\.so\.11\.0: cannot open shared object file\): .*$/,
  );
});

it('a package that the installed one misses is not taken for a missing installation', async () => {
  const missing = Object.assign(new Error("Cannot find package 'protobuf' imported from @tensorflow/tfjs-node"), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
  await expect(nodeTensorflow(() => Promise.reject(missing))).rejects.toThrow('is installed but does not load');
});

it('takes the package for the CPU where the one for the GPU is not installed, and is tested where there is one', async () => {
  const asked: string[] = [];
  await expect(
    nodeTensorflow((name) => {
      asked.push(name);
      return nodeError(name);
    }),
  ).rejects.toThrow(TensorflowMissingError);
  expect(asked).toEqual(['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']);
  const found = await nodeTensorflow().catch((error: unknown) => error);
  if (found instanceof TensorflowMissingError) expect(eagerDevices.map(({ name }) => name)).not.toContain('cuda');
  else {
    expect(found).toMatchObject({ device: { name: 'cuda', precision: 'single' } });
    expect(eagerDevices.map(({ name }) => name)).toContain('cuda');
  }
});
