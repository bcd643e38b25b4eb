import { defineConfig } from 'vitest/config';
import { swiftShaderEnvironment } from './test/kernels/webgpu/swiftShader.js';

// Test processes inherit it: where libraries are looked for is settled when a process starts. HIERAX_TEST_GPU=1 tests a real GPU.
if (process.env.HIERAX_TEST_GPU === undefined) Object.assign(process.env, swiftShaderEnvironment());

export default defineConfig({
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 120_000, maxWorkers: 2, pool: 'forks' },
});
