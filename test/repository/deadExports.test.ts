// Nothing is exported, depended on or left lying that nobody uses (knip, configured in knip.json).
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './checkout.js';

it('has no unused file, export or dependency', () => {
  const knip = join(root, 'node_modules/knip/bin/knip.js');
  const { status, stdout } = spawnSync(process.execPath, [knip, '--no-progress'], { cwd: root, encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
