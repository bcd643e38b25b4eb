// The posteriors of posteriordb beside the repository, where they are there.
import { existsSync } from 'node:fs';
import { Collection, sharedFolder } from '../../scripts/posteriordb/collection.js';

/** Whether tests that need the data must be skipped. */
export const lacksPosteriordb = !existsSync(sharedFolder);

if (lacksPosteriordb && process.env.HIERAX_REQUIRE_SHARED === '1')
  throw new Error('HIERAX_REQUIRE_SHARED is set, but ../shared/data/posteriordb is absent');

export const collection = new Collection(sharedFolder);
