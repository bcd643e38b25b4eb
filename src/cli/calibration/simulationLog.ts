// The simulations of a calibration on disk: one JSON line each, appended as they finish, so that an interrupted run goes on.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../data/inputError.js';
import { toStorageError } from '../../data/run/runStorageError.js';
import type { Simulation } from '../../inference/index.js';

const fileName = 'simulations.jsonl';

export class SimulationLog {
  private readonly path: string;
  readonly simulations: Simulation[];

  /**
   * @param identity what must be the same for simulations to belong together
   * Throws InputError for a folder that holds other simulations, or these without `resume`; RunStorageError when the disk refuses.
   */
  constructor(dir: string, identity: Readonly<Record<string, unknown>>, resume: boolean) {
    this.path = join(dir, fileName);
    const header = JSON.stringify(identity);
    if (!existsSync(this.path)) {
      this.simulations = [];
      this.store(() => {
        writeFileSync(this.path, `${header}\n`);
      });
      return;
    }
    if (!resume)
      throw new InputError(`${dir} holds a calibration already: continue it with --resume, or choose another --out`);
    // A line without its end was cut off when the process died.
    const [first, ...lines] = readFileSync(this.path, 'utf8').split('\n').slice(0, -1);
    if (first !== header) {
      const before = JSON.parse(first) as Record<string, unknown>;
      const key = Object.keys(identity).find((name) => JSON.stringify(before[name]) !== JSON.stringify(identity[name]));
      throw new InputError(
        `${dir}: this calibration was begun with another ${key}; restore it, or choose another --out`,
      );
    }
    this.simulations = lines.map((line) => JSON.parse(line) as Simulation);
    this.store(() => writeFileSync(this.path, [first, ...lines, ''].join('\n')));
  }

  add(simulation: Simulation): void {
    this.simulations.push(simulation);
    this.store(() => appendFileSync(this.path, `${JSON.stringify(simulation)}\n`));
  }

  private store(write: () => void): void {
    try {
      write();
    } catch (cause) {
      throw toStorageError(this.path, cause);
    }
  }
}
