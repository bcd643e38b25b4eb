// The pilot of responses that go through a link: regressions linearised about the last pilot, rows weighted by their information.
import { type CountResponse, workingResponse } from '../../data/countResponse.js';
import { unitFactors } from './crossproducts.js';
import { type PilotEstimates, pilotEstimates, type PilotInput } from './pilot.js';

/** Reweightings after the first look at working responses: starts need no more. */
const reweightings = 3;
/** Log odds beyond this are taken as this: rows so sure of their response weigh next to nothing. */
const mostLogOdds = 5;
/** The same of log means, up and down. */
const mostLogMean = 20;

/**
 * Iteratively reweighted least squares by unit (McCullagh and Nelder 1989, §2.5), each time about the shrunken coefficients of the one before.
 * @param columns of the rows' design, the constant first, each `[rows]`; @param rowStart first row of each unit, and the end
 */
export function countPilot(
  y: Float64Array,
  counts: CountResponse,
  columns: readonly Float64Array[],
  rowStart: Int32Array,
  input: Omit<PilotInput, 'factors'>,
): PilotEstimates {
  let pilot = pilotEstimates({ ...input, factors: unitFactors(workingResponse(y, counts), columns, rowStart) });
  for (let step = 0; step < reweightings; step++) {
    const { response, root } = linearised(y, counts, predictor(pilot, columns, rowStart));
    const scaled = columns.map((column) => column.map((x, row) => x * root[row]));
    pilot = pilotEstimates({ ...input, factors: unitFactors(response, scaled, rowStart) });
  }
  return pilot;
}

function predictor(pilot: PilotEstimates, columns: readonly Float64Array[], rowStart: Int32Array): Float64Array {
  const p = columns.length;
  const eta = new Float64Array(columns[0].length);
  for (let unit = 0; unit + 1 < rowStart.length; unit++) {
    for (let row = rowStart[unit]; row < rowStart[unit + 1]; row++)
      for (let k = 0; k < p; k++) eta[row] += columns[k][row] * pilot.unitCoefficients[unit * p + k];
  }
  return eta;
}

/** Square roots of the rows' information about η, and the linearised response times these. */
function linearised(y: Float64Array, { family, trials, logExposure }: CountResponse, eta: Float64Array) {
  const response = new Float64Array(y.length);
  const root = new Float64Array(y.length);
  const isLogit = family === 'bernoulli' || family === 'binomial';
  const most = isLogit ? mostLogOdds : mostLogMean;
  for (let row = 0; row < y.length; row++) {
    const at = Math.max(-most, Math.min(most, eta[row]));
    const share = 1 / (1 + Math.exp(-at));
    const count = trials?.[row] ?? 1;
    const mean = isLogit ? count * share : Math.exp(at + (logExposure?.[row] ?? 0));
    const information = isLogit ? mean * (1 - share) : mean;
    root[row] = Math.sqrt(information);
    response[row] = root[row] * at + (y[row] - mean) / root[row];
  }
  return { response, root };
}
