// The posteriordb command: on data of its own in both layouts of the collection, with a model from a file, and with faults.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, expect, it, vi } from 'vitest';
import { randomNumbers } from '../models/random.js';

vi.setConfig({ testTimeout: 120_000 });

const script = fileURLToPath(new URL('../../scripts/posteriordb.ts', import.meta.url));
const library = new URL('../../src/index.ts', import.meta.url).href;
const root = mkdtempSync(join(tmpdir(), 'hierax-posteriordb-'));
afterAll(() => {
  rmSync(root, { recursive: true });
});

const posteriordb = (...words: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...words], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });

function write(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** A zip archive of one deflated file. */
function zipOf(name: string, value: unknown): Buffer {
  const content = Buffer.from(JSON.stringify(value));
  const packed = deflateRawSync(content);
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(8, 4);
  fields.writeUInt32LE(crc32(content), 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), packed]);
  const entry = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\x00', 'latin1'),
    fields,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, entry, end]);
}

// A mean with a flat prior and known variance 1: the posterior is N(mean of y, 1/n), and its reference draws are drawn from that.
const y = randomNumbers('posteriordb command').normals(25);
const centre = y.reduce((sum, value) => sum + value / y.length, 0);
const random = randomNumbers('reference');
const reference = Array.from({ length: 10 }, () => ({
  'location[1]': Array.from({ length: 1000 }, () => centre + random.normal() / Math.sqrt(y.length)),
}));
const modelFile = (sd: number): string => `
  import { defineModel, normal, real } from '${library}';
  export default ({ y }) =>
    defineModel({
      name: 'mean',
      data: { y },
      parameters: { mu: real() },
      logPrior: ({ mu }) => mu.mul(0),
      logLikelihood: ({ mu }, data) => normal.logDensity(data.y, mu, ${sd}),
    });
  export const elements = { 'location[1]': ['mu', 0] };
`;

const flat = join(root, 'flat');
const clone = join(root, 'clone');
write(join(flat, 'numbers.data.json.zip'), zipOf('numbers.json', { y: [...y] }));
write(join(flat, 'numbers-mean.draws.json.zip'), zipOf('numbers-mean.json', reference));
const database = join(clone, 'posterior_database');
write(
  join(database, 'posteriors', 'numbers-mean.json'),
  JSON.stringify({ data_name: 'numbers', reference_posterior_name: 'numbers-mean' }),
);
write(join(database, 'data', 'data', 'numbers.json.zip'), zipOf('numbers.json', { y: [...y] }));
write(
  join(database, 'reference_posteriors', 'draws', 'draws', 'numbers-mean.json.zip'),
  zipOf('numbers-mean.json', reference),
);
write(join(root, 'right.mjs'), modelFile(1));
write(join(root, 'wrong.mjs'), modelFile(1.2));
write(join(root, 'empty.mjs'), 'export const model = 1;\n');

it.each([
  ['files side by side', flat],
  ['a clone', clone],
])('a posterior of %s is fitted and compared', async (_, folder) => {
  const { code, stdout, stderr } = await posteriordb(
    'numbers-mean',
    '--folder',
    folder,
    '--model',
    join(root, 'right.mjs'),
  );
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/^numbers-mean by NUTS/);
  expect(stdout).toMatch(/^location\[1\]( +-?[\d.]+){6}$/m);
});

it('a model of another density is told apart', async () => {
  const { code, stdout } = await posteriordb('numbers-mean', '--folder', flat, '--model', join(root, 'wrong.mjs'));
  expect(code).toBe(1);
  expect(stdout).toContain('FAILED: sd of location[1]: beyond 4 standard errors');
});

it('lists the posteriors whose models are declared', async () => {
  const { code, stdout } = await posteriordb();
  expect(code).toBe(0);
  expect(stdout.split('\n')).toContain('diamonds-diamonds');
});

it.each([
  [['nothing-here'], "no model of 'nothing-here' is declared here"],
  [['numbers-mean', '--model', join(root, 'empty.mjs')], 'its default export is no function'],
  [['other-mean', '--folder', clone, '--model', join(root, 'right.mjs')], "there is no posterior 'other-mean'"],
  [['other-mean', '--folder', flat, '--model', join(root, 'right.mjs')], 'there is no such file with the data'],
  [['a', 'b'], 'one argument too many'],
])('%j ends with one line and exit code 2', async (words, line) => {
  const { code, stderr } = await posteriordb(...words);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(stderr).toContain(line);
  expect(code).toBe(2);
});
