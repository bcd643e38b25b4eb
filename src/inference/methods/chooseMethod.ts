// Which method a model is fitted by: the one asked for, or the first that suits it, with the reason in words.
import { hasFewRows } from '../gibbs/polyaGamma/fewRows.js';
import { isLinear } from '../../models/linearHierarchy/structure.js';
import type { Model } from '../../models/model.js';
import { methods } from './index.js';
import type { Method, MethodName } from './method.js';

export interface MethodChoice {
  readonly method: Method;
  /** Why this one; undefined where it was asked for. */
  readonly why: string | undefined;
}

/**
 * The method of that name, or for `auto` the first of `preference` that suits model and device.
 * Throws RangeError, in one line, for a method that does not suit.
 * @param device name of the device that it is to run on; left out: whichever suits the method
 */
export function chooseMethod(model: Model, wanted: MethodName | 'auto', device?: string): MethodChoice {
  if (wanted !== 'auto') {
    const method = methods[wanted];
    const refusal = refusalOf(method, model, device);
    if (refusal !== undefined) throw new RangeError(`method ${wanted}: ${refusal}`);
    return { method, why: undefined };
  }
  const passedOver: string[] = [];
  for (const { name, reason, only, unless } of preference) {
    const method = methods[name];
    if (only !== undefined && device !== undefined && device !== only) continue;
    const refusal = unless?.(model) ?? refusalOf(method, model, device);
    if (refusal === undefined) return { method, why: [reason, ...passedOver].join('; ') };
    passedOver.push(`not ${method.title}: ${refusal}`);
  }
  throw new Error('NUTS suits every model');
}

function refusalOf(method: Method, model: Model, device: string | undefined): string | undefined {
  const { devices } = method;
  if (device !== undefined && devices !== undefined && !devices.includes(device))
    return `runs on ${devices.join(' and ')}, not on ${device}`;
  return method.refusal(model);
}

/** What `auto` tries, best first. */
const preference: readonly {
  readonly name: MethodName;
  readonly reason: string;
  /** The only device on which it is preferred. */
  readonly only?: string;
  /** Why it is not preferred for a model that it suits; undefined where it is. */
  readonly unless?: (model: Model) => string | undefined;
}[] = [
  { name: 'marginal', reason: 'the coefficients are normal given their scales and are integrated out exactly' },
  {
    name: 'gibbs',
    reason: 'the coefficients are conditionally normal',
    only: 'cpu',
    unless: ({ structure }) =>
      structure === undefined || isLinear(structure) || hasFewRows(structure)
        ? undefined
        : `with ${structure.likelihood.kind} responses the coefficients are not conditionally normal`,
  },
  { name: 'nuts', reason: 'the density is differentiable' },
];
