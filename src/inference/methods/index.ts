// The methods there are, by name.
import { advi } from './advi.js';
import { gibbs } from './gibbs.js';
import { chees, hmc, nuts } from './hamiltonian.js';
import { ols, ridge } from './leastSquares.js';
import { marginal } from './marginal.js';
import { pathfinder } from './pathfinder.js';
import { reml } from './reml.js';
import type { Method, MethodName } from './method.js';

export type {
  ChainEffort,
  DrawInfo,
  Finding,
  Method,
  MethodListener,
  MethodName,
  MethodOptions,
  MethodResult,
  MethodSettings,
  MethodSnapshot,
  PreparedMethod,
  RunSizes,
} from './method.js';

export { nuts };

export const methods: Readonly<Record<MethodName, Method>> = {
  nuts,
  hmc,
  chees,
  marginal,
  gibbs,
  advi,
  pathfinder,
  reml,
  ols,
  ridge,
};
