// docs/tensor-ops.md lists exactly the operations that can be traced.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import '../../../src/kernels/ops/index.js';
import { ownKernelNames } from '../../../src/kernels/ops/ownOp.js';
import { traceKernels } from '../../../src/kernels/trace/kernels/index.js';

test('the documented operations are the registered ones', () => {
  const page = readFileSync(new URL('../../../docs/tensor-ops.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);
  expect(documented.sort()).toEqual([...traceKernels.keys(), ...ownKernelNames].sort());
});
