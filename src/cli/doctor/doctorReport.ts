// The findings of `hierax doctor`: what is there, what is missing, and how to get it.
import { arch, platform, release, tmpdir, totalmem } from 'node:os';
import { coreCount } from '../../kernels/adapters/nodeThreads.js';
import { hieraxVersion } from '../version.js';
import { machine } from '../devices/machine.js';
import { eagerBackends } from '../devices/openEager.js';
import type { GpuFindings } from '../devices/probeGpu.js';
import { checkCpuDevice, type CpuCheck } from './cpuCheck.js';
import { cudaFinding, eagerFinding, gpuFindings } from './deviceFindings.js';
import type { Finding } from './finding.js';
import { duckDBVersion, hasSharedMemory, hasSimd, isAtLeast, requiredNode, tryWriting } from './environment.js';

export interface DoctorReport {
  readonly version: string;
  readonly isUsable: boolean;
  readonly findings: readonly Finding[];
  readonly cpu: CpuCheck;
  readonly gpu: GpuFindings;
}

/** What is tried; replaced in tests by what fails. */
export interface Probes {
  readonly node: string;
  readonly simd: () => boolean;
  readonly sharedMemory: () => boolean;
  readonly cpu: () => Promise<CpuCheck>;
  readonly gpu: () => Promise<GpuFindings>;
  /** tfjs backends that are installed. */
  readonly eager: () => Promise<readonly string[]>;
  readonly tfjs: () => Promise<string>;
  readonly duckdb: () => Promise<string>;
  readonly folders: readonly (readonly [name: string, folder: string])[];
}

/** The probes of this machine; `out` is the folder that results are to go to. */
export function machineProbes(out: string): Probes {
  return {
    node: process.versions.node,
    simd: hasSimd,
    sharedMemory: hasSharedMemory,
    cpu: checkCpuDevice,
    gpu: () => machine.probeGpu({ withSelfTest: true }),
    eager: eagerBackends,
    tfjs: async () => (await import('@tensorflow/tfjs-core')).version_core,
    duckdb: duckDBVersion,
    folders: [
      ['temporary folder', tmpdir()],
      ['output folder', out],
    ],
  };
}

const reinstall = 'reinstall hierax with its optional packages (npm install, without --omit=optional)';

/** Tries everything; a failure is a finding. Usable means that the cpu device works. */
export async function doctorReport(probes: Probes): Promise<DoctorReport> {
  const least = requiredNode();
  const newerNode = `install Node ${least} or later from nodejs.org`;
  const findings: Finding[] = [
    isAtLeast(probes.node, least)
      ? { name: 'Node', status: 'ok', detail: `${probes.node} (${least} or later is needed)` }
      : { name: 'Node', status: 'failed', detail: `${probes.node} is older than ${least}`, remedy: newerNode },
    { name: 'machine', status: 'ok', detail: describeMachine() },
    await attempt('SIMD', newerNode, () => present(probes.simd(), 'WebAssembly SIMD')),
    await attempt('shared memory', newerNode, () =>
      present(probes.sharedMemory(), 'WebAssembly memory for several threads'),
    ),
  ];
  const cpu = await probes.cpu();
  findings.push(
    cpuFinding(cpu),
    await attempt('tfjs-core', reinstall, probes.tfjs),
    await attempt('DuckDB', reinstall, probes.duckdb),
  );
  for (const [name, folder] of probes.folders) {
    const remedy = `make ${folder} writable or choose another folder`;
    findings.push(await attempt(name, remedy, () => `${tryWriting(folder)} can be written to`));
  }
  const gpu = await probes.gpu();
  findings.push(...gpuFindings(gpu, process.platform), cudaFinding(gpu), await eagerFinding(probes.eager));
  return { version: hieraxVersion(), isUsable: cpu.isWorking, findings, cpu, gpu };
}

/** Lines for people: one for each finding, then the verdict. */
export function formatDoctorReport({ version, isUsable, findings }: DoctorReport): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.map(({ name, status, detail, remedy }) => {
    const start = `  ${(status === 'absent' ? '-' : status).padEnd(6)}  ${name.padEnd(width)}  ${detail}`;
    return remedy === undefined
      ? start
      : `${start}\n  ${''.padEnd(6)}  ${''.padEnd(width)}  ${status === 'absent' ? 'to have it' : 'to mend it'}: ${remedy}`;
  });
  const failed = findings.filter(({ status }) => status === 'failed').map(({ name }) => name);
  const device = isUsable ? 'The cpu device works' : 'The cpu device does not work: nothing can be fitted here';
  const rest = failed.length === 0 ? 'nothing is missing' : `failed: ${failed.join(', ')}`;
  return [`hierax ${version}`, ...lines, `${device}; ${rest}.`, ''].join('\n');
}

function describeMachine(): string {
  const limit = process.constrainedMemory();
  // Without a limit the figure is 0 or beyond what the machine has.
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const cores = coreCount();
  const gibibytes = (memory / 2 ** 30).toFixed(1);
  return `${platform()} ${release()} ${arch()}, ${cores} core${cores === 1 ? '' : 's'}, ${gibibytes} GiB memory`;
}

function present(isPresent: boolean, what: string): string {
  if (!isPresent) throw new Error(`${what} is not available`);
  return `${what} is available`;
}

/** What the probe says, or a failed finding with the first line of what it threw. */
async function attempt(name: string, remedy: string, probe: () => string | Promise<string>): Promise<Finding> {
  try {
    return { name, status: 'ok', detail: await probe() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { name, status: 'failed', detail: message.split('\n')[0], remedy };
  }
}

function cpuFinding({ isWorking, trials, faults }: CpuCheck): Finding {
  const parts = trials.map(
    ({ threads, millisecondsPerMillionRowChains: milliseconds }) =>
      `${milliseconds.toFixed(2)} ms per million rows and chain on ${threads} thread${threads === 1 ? '' : 's'}`,
  );
  if (trials.length > 0) {
    const difference = Math.max(...trials.map(({ largestDifference }) => largestDifference));
    parts.push(`agrees with the interpreter to ${difference.toExponential(0)}`);
    parts.push(`compiled in ${trials[0].compileMilliseconds.toFixed(0)} ms`);
  }
  const detail = [...parts, ...faults].join('; ');
  if (faults.length === 0) return { name: 'cpu device', status: 'ok', detail };
  const remedy = isWorking
    ? 'fits run with --threads 1; to use all cores, allow this process to start worker threads'
    : 'update Node; if it stays, report it with the output of hierax doctor --json';
  return { name: 'cpu device', status: 'failed', detail, remedy };
}
