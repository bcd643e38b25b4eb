// Finds the machine's GPUs in a process of their own, so that noisy or broken drivers cannot harm this one.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AdapterList } from './adapters.js';
import { answerMark, selfTestWord } from './probeWords.js';
import type { SelfTest } from './selfTest.js';

export interface GpuFindings extends AdapterList, Partial<SelfTest> {
  /** What loader and drivers wrote while they were asked, a line each. */
  readonly complaints: readonly string[];
  /** How the process that asked them ended, when it gave no answer. */
  readonly failure: string | undefined;
}

/** Milliseconds that drivers get to answer, and to compile and compute what they are tried with. */
const patience = { asked: 20_000, tried: 180_000 };

/** Asks all drivers, and on request tries what they offer; never rejects: a failure is part of the findings. */
export async function probeGpu({ withSelfTest = false } = {}): Promise<GpuFindings> {
  const words = [...probeWords(), ...(withSelfTest ? [selfTestWord] : [])];
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: withSelfTest ? patience.tried : patience.asked,
  });
  const printed = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (printed.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (printed.stderr += text.toString()));
  const end = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const complaints = [...new Set(printed.stderr.split('\n').map((line) => line.trim()))].filter((line) => line !== '');
  try {
    const answer = printed.stdout.slice(printed.stdout.lastIndexOf(answerMark) + answerMark.length);
    return { ...(JSON.parse(answer) as AdapterList & Partial<SelfTest>), complaints, failure: undefined };
  } catch {
    return { version: undefined, adapters: [], complaints, failure: `asking the GPU drivers ended with ${end}` };
  }
}

function probeWords(): string[] {
  const entry = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  if (!import.meta.url.endsWith('.ts')) return [entry('gpuProbe.js')];
  return ['--import', createRequire(import.meta.url).resolve('tsx'), entry('gpuProbe.ts')];
}

/**
 * Whether a look for a GPU can find one at all. On Linux every GPU has a device file, which costs nothing to see; elsewhere
 * one must be looked for.
 */
export function mayHaveGpu(): boolean {
  if (process.platform !== 'linux') return true;
  if (['/dev/nvidiactl', '/dev/dxg', '/dev/kfd'].some((path) => existsSync(path))) return true;
  try {
    return readdirSync('/dev/dri').some((name) => name.startsWith('render'));
  } catch {
    return false;
  }
}
