// The models that CONFIG.yaml and `hierax simulate` may name: a model is added by its entry and a line here.
import { experimentsEntry } from './experiments/entry.js';
import { hbmmmEntry } from './hbmmm/entry.js';
import { mediaMixEntry } from './mediaMix/entry.js';
import type { ModelEntry } from './modelEntry.js';
import { regressionEntry } from './regression/entry.js';
import { threeLevelEntry } from './threeLevel/entry.js';

export const models: Readonly<Record<string, ModelEntry>> = {
  'three-level': threeLevelEntry,
  hbmmm: hbmmmEntry,
  'media-mix': mediaMixEntry,
  experiments: experimentsEntry,
  regression: regressionEntry,
};
