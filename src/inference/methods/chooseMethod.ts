// Which method a model is fitted by: the one asked for, or the first that suits it, with the reason in words.
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
  for (const { name, reason, only } of preference) {
    const method = methods[name];
    if (only !== undefined && device !== undefined && device !== only) continue;
    const refusal = refusalOf(method, model, device);
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
}[] = [
  { name: 'marginal', reason: 'the coefficients are normal given their scales and are integrated out exactly' },
  {
    name: 'gibbs',
    reason: 'the coefficients are drawn group by group, and follow when spreads and means move',
    only: 'cpu',
  },
  { name: 'nuts', reason: 'the density is differentiable' },
];
