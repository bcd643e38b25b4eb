// The steps that a configuration may name, by the key that names them: a step is added by its file and a line here.
import type { StepDefinition } from './step.js';
import { aggregateStep } from './steps/aggregate.js';
import { alignStep } from './steps/align.js';
import { deriveStep } from './steps/derive.js';
import { exposureStep } from './steps/exposure.js';
import { filterStep } from './steps/filter.js';
import { gapsStep } from './steps/gaps.js';
import { imputeStep } from './steps/impute.js';
import { joinStep } from './steps/join.js';
import { missingStep } from './steps/missing.js';
import { outliersStep } from './steps/outliers.js';
import { rfmStep } from './steps/rfm.js';
import { standardiseStep } from './steps/standardise.js';
import { winsoriseStep } from './steps/winsorise.js';

const definitions = [
  joinStep,
  filterStep,
  deriveStep,
  aggregateStep,
  alignStep,
  gapsStep,
  rfmStep,
  exposureStep,
  winsoriseStep,
  outliersStep,
  standardiseStep,
  missingStep,
  imputeStep,
];

export const steps: Readonly<Record<string, StepDefinition>> = Object.fromEntries(
  definitions.map((definition) => [definition.name, definition]),
);
