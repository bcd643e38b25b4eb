// What is reported of a media-mix model besides its parameters: contributions, returns, response curves, in the data's units.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import type { Coordinates } from '../../data/run/siteDescription.js';
import type { Site, Tensors } from '../model.js';
import type { Component } from './components.js';
import { type MediaMixContext } from './context.js';
import { type Media, totalSpend } from './media.js';
import { siteOver } from './varying.js';

/** Media are multiplied by these in response curves. */
const curveFactors = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2] as const;
/** Marginal returns are those of so much more spend, in every week alike (Meridian's definition). */
const marginalStep = 0.01;

export interface MediaMixReport {
  readonly sites: readonly Site[];
  readonly coords: Coordinates;
  compute(parameters: Tensors, data: Tensors): Tensors;
}

/**
 * - `contribution[component]`: response over all places and weeks that the model puts down to a component, in the response's units; of a
 *   channel what would be missing without its media (media before the first week are taken for 0, what carries over beyond the last is not counted).
 * - `contribution_share[component]`: over the sum of all components.
 * - `roi[channel]`: worth of the contribution over the spend of the same weeks. `marginal_roi[channel]`: worth of what 1 % more media in every
 *   week would add, over 1 % of the spend.
 * - `contribution_geo[geo, channel]`, `weekly[week, component]`: the same contributions by place and by week.
 * - `response_curve[factor, channel]`: contribution with the channel's media multiplied by a factor in every week.
 */
export function mediaMixReport(
  context: MediaMixContext,
  media: Media,
  components: readonly Component[],
): MediaMixReport {
  const { data, geos, weeks, channels, responseScale } = context;
  const names = [...components.map(({ name }) => name), ...data.channels.map(({ name }) => name)];
  const spend = totalSpend(context);
  const perChannel = Float64Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    for (let g = 0; g < geos; g++) sum += spend[g * channels + c];
    return sum;
  });
  const paid = data.channels.flatMap((_, c) => (perChannel[c] > 0 ? [c] : []));
  const isRoiParameter = context.effectPrior === 'roi';
  const channelAxis = ['channel', channels] as const;
  const sites: Site[] = [
    siteOver('contribution', [['component', names.length]]),
    siteOver('contribution_share', [['component', names.length]]),
    // Returns that are parameters by place are reported as such; the return over all places has a name of its own.
    ...(paid.length === 0
      ? []
      : [
          siteOver(isRoiParameter ? 'total_roi' : 'roi', [['paid_channel', paid.length]]),
          siteOver('marginal_roi', [['paid_channel', paid.length]]),
        ]),
    ...(media.coefficients === undefined
      ? []
      : [
          siteOver(
            'saturation_beta',
            context.pooling('effect') === 'shared' ? [channelAxis] : [['geo', geos], channelAxis],
          ),
        ]),
    ...(geos > 1 ? [siteOver('contribution_geo', [['geo', geos], channelAxis], 'group')] : []),
    siteOver(
      'weekly',
      [
        ['week', weeks],
        ['component', names.length],
      ],
      'group',
    ),
    // Without media a channel gives nothing.
    {
      ...siteOver('response_curve', [['factor', curveFactors.length], channelAxis]),
      isFixed: ([factor]) => factor === 0,
    },
  ];
  const named = sites.map((site) => ({ ...site, coefficientDims: [...(site.coefficientDims ?? []), 'paid_channel'] }));

  const compute = (p: Tensors, d: Tensors): Tensors => {
    const unit = literal([...responseScale], [geos, 1]);
    const inUnits = (x: tf.Tensor): tf.Tensor => x.mul(unit.reshape([geos, 1, 1]));
    const byChannel = inUnits(media.contributions(p, d));
    const others = components.map(({ value }) =>
      unit.mul(value(p, d)).add(tf.zerosLike(byChannel.slice([0, 0, 0], [geos, weeks, 1]).reshape([geos, weeks]))),
    );
    const weekly = tf.concat(
      [
        tf.stack(
          others.map((x) => x.sum(0)),
          1,
        ),
        byChannel.sum(0),
      ],
      1,
    );
    const contribution = weekly.sum(0);
    const out: Record<string, tf.Tensor> = {
      contribution,
      contribution_share: contribution.div(contribution.sum()),
      weekly,
      response_curve: tf.stack(
        curveFactors.map((factor) =>
          factor === 0 ? tf.zerosLike(byChannel.sum([0, 1])) : inUnits(media.contributions(p, d, factor)).sum([0, 1]),
        ),
      ),
    };
    if (geos > 1) out.contribution_geo = byChannel.sum(1);
    if (media.coefficients !== undefined) out.saturation_beta = media.coefficients(p, d);
    if (paid.length > 0) {
      const worth = d.worth_per_unit.reshape([geos, weeks, 1]);
      const spent = literal(paid.map((c) => perChannel[c]));
      const pick = (x: tf.Tensor): tf.Tensor => tf.stack(paid.map((c) => x.slice([c], [1]).reshape([])));
      const value = (factor: number): tf.Tensor => pick(media.contributions(p, d, factor).mul(worth).sum([0, 1]));
      const now = value(1);
      out[isRoiParameter ? 'total_roi' : 'roi'] = now.div(spent);
      out.marginal_roi = value(1 + marginalStep)
        .sub(now)
        .div(spent.mul(marginalStep));
    }
    return out;
  };
  return {
    sites: named,
    coords: {
      component: names,
      paid_channel: paid.map((c) => data.channels[c].name),
      week: data.weeks.names,
      factor: curveFactors.map(String),
    },
    compute,
  };
}
