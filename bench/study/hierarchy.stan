// The study's two-level regression, diagonal covariance: `centred` chooses the parametrisation of the groups' coefficients.
data {
  int<lower=1> n;
  int<lower=1> groups;
  int<lower=1> k;
  vector[n] y;
  matrix[n, k] x;
  int<lower=1, upper=groups> group[n];
  int<lower=0, upper=1> centred;
}
parameters {
  real<lower=0> sigma;
  vector<lower=0>[k] sds;
  vector[k] gamma;
  matrix[groups, k] sampled;
}
transformed parameters {
  matrix[groups, k] beta;
  if (centred) beta = sampled;
  else for (j in 1:k) beta[, j] = gamma[j] + sds[j] * sampled[, j];
}
model {
  sigma ~ student_t(3, 0, 1);
  sds ~ student_t(2, 0, 1);
  gamma ~ normal(0, 10);
  if (centred) for (j in 1:k) sampled[, j] ~ normal(gamma[j], sds[j]);
  else to_vector(sampled) ~ std_normal();
  y ~ normal(rows_dot_product(x, beta[group]), sigma);
}
