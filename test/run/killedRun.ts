// Child process of resume.test.ts: runs the fake run of a folder and prints a line per round until it is killed.

import { writeSync } from 'node:fs';
import { fakeLayout, fakeRun } from './fakeRun.js';

const [dir, products, mode] = process.argv.slice(2);
await fakeRun(dir, fakeLayout(Number(products)), {
  resume: mode === 'resume',
  onRound: (round) => writeSync(1, `${round}\n`),
});
