// A model of your own in fifteen lines: the effects of coaching in eight schools (Rubin 1981), non-centred.
//
//     npx tsx examples/eight-schools.ts
import { defineModel, fit, halfCauchy, normal, positive, real, summarise } from 'hierax';

const eightSchools = defineModel({
  name: 'eight schools',
  coords: { school: ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'] },
  data: { effect: [28, 8, -3, 7, -1, 1, 18, 12], error: [15, 10, 16, 11, 9, 11, 10, 18] },
  parameters: { mu: real(), tau: positive(), z: real('school') },
  logPrior: ({ mu, tau, z }) =>
    normal.logDensity(mu, 0, 5).add(halfCauchy.logDensity(tau, 5)).add(normal.logDensity(z).sum()),
  logLikelihood: ({ mu, tau, z }, { effect, error }) => normal.logDensity(effect, mu.add(tau.mul(z)), error),
  derived: { sites: { theta: ['school'] }, compute: ({ mu, tau, z }) => ({ theta: mu.add(tau.mul(z)) }) },
});

const posterior = await fit(eightSchools, { seed: 1 });
for (const site of ['mu', 'tau']) {
  const { mean, sd, rhat, essBulk } = summarise(posterior.element(site));
  console.log(
    `${site}: mean ${mean.toFixed(2)}, sd ${sd.toFixed(2)}, R-hat ${rhat.toFixed(3)}, ESS ${essBulk.toFixed(0)}`,
  );
}
