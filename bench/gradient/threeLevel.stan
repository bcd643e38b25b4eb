// The benchmark's density in Stan, up to constants.
data {
  int n; int units; int markets; int k; int traits;
  vector[n] y;
  matrix[k, n] x;
  int unit[n];
  int market[units];
  matrix[traits, markets] w;
}
parameters {
  matrix[k, traits] delta;
  matrix[k, markets] gamma;
  matrix[k, units] beta;
  vector[k] log_sigma_v;
  vector[k] log_sigma_u;
  real log_sigma;
}
model {
  vector[k] sigma_u = exp(log_sigma_u);
  vector[k] sigma_v = exp(log_sigma_v);
  matrix[k, units] u = beta - gamma[, market];
  matrix[k, markets] v = gamma - delta * w;
  to_vector(delta) ~ normal(0, 10);
  log_sigma_v ~ std_normal();
  log_sigma_u ~ std_normal();
  log_sigma ~ std_normal();
  for (i in 1:k) {
    v[i] ~ normal(0, sigma_v[i]);
    u[i] ~ normal(0, sigma_u[i]);
  }
  y ~ normal(columns_dot_product(x, beta[, unit])', exp(log_sigma));
}
