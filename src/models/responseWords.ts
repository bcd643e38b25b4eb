// The response's distribution in words and as a formula, by family.
import type { ResponseFamily } from '../data/countResponse.js';

export function responseInWords(family: ResponseFamily, response: string, predictors: string, df: number): string {
  switch (family) {
    case 'gaussian':
      return `The response ${response} of each row is a linear function of ${predictors}, with a normal error.`;
    case 'studentT':
      return `The response ${response} of each row is a linear function of ${predictors}, with a Student-t error of ${df} degrees of freedom.`;
    case 'bernoulli':
      return `The response ${response} of each row is 0 or 1; its log odds are a linear function of ${predictors}.`;
    case 'binomial':
      return `The response ${response} of each row counts the successes among its trials; their log odds are a linear function of ${predictors}.`;
    case 'poisson':
      return `The response ${response} of each row is a Poisson count; the log of its mean is a linear function of ${predictors}.`;
    case 'negativeBinomial':
      return `The response ${response} of each row is a negative binomial count with variance mean + mean²/phi; the log of its mean is a linear function of ${predictors}.`;
    default:
      throw new Error(family satisfies never);
  }
}

export function responseFormula(family: ResponseFamily, predictor: string, hasExposure: boolean, df: number): string {
  const mean = `log μ = ${predictor}${hasExposure ? ' + log exposure' : ''}`;
  switch (family) {
    case 'gaussian':
      return `y = ${predictor} + ε,   ε ~ N(0, σ²)`;
    case 'studentT':
      return `y = ${predictor} + ε,   ε ~ σ t(${df})`;
    case 'bernoulli':
      return `y ~ Bernoulli(p),   logit p = ${predictor}`;
    case 'binomial':
      return `y ~ Binomial(trials, p),   logit p = ${predictor}`;
    case 'poisson':
      return `y ~ Poisson(μ),   ${mean}`;
    case 'negativeBinomial':
      return `y ~ NegBinomial(μ, φ),   var y = μ + μ²/φ,   ${mean}`;
    default:
      throw new Error(family satisfies never);
  }
}
