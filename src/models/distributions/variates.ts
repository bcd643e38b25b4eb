// Random variates from standard normals, as tensor ops: what replicated data are made of.
import type { Tensor } from '@tensorflow/tfjs-core';
import { normalCdf } from '../../kernels/ops/index.js';

/** Cells that the first uniform is cut into; 53 bits leave 33 for the second. */
const cells = 2 ** 20;

/** Student's t from one normal: the first and the later digits of Φ(noise) are two uniforms for Bailey's (1994) polar method. */
export function studentTVariate(nu: Tensor, noise: Tensor): Tensor {
  const share = normalCdf(noise).mul(cells);
  const cell = share.floor();
  const logFirst = cell.add(0.5).div(cells).log();
  const radius = logFirst.mul(-2).div(nu).expm1().mul(nu).sqrt();
  return radius.mul(
    share
      .sub(cell)
      .mul(2 * Math.PI)
      .cos(),
  );
}

/** 0/1 with probabilities p: 1 where Φ(noise) < p. */
export function bernoulliVariate(p: Tensor, noise: Tensor): Tensor {
  return normalCdf(noise).less(p).toFloat();
}
