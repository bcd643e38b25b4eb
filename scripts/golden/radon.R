# Writes test/golden/radon.json: long runs of Stan on the radon models of posteriordb, as posterior means, standard deviations and
# their Monte-Carlo standard errors.
# Run from the repository root: Rscript scripts/golden/radon.R FOLDER DATA...   (R 4 with rstan, posterior and jsonlite)
# FOLDER holds DATA.data.json.zip of posteriordb (radon_mn, radon_all); entries of other data sets in the file are kept.

suppressPackageStartupMessages({
  library(rstan)
  library(posterior)
  library(jsonlite)
})

# All of these models are one: varying coefficients on the columns x, each with its own mean and standard deviation over counties,
# and common ones on the columns f. The priors are those of posteriordb: N(0, 10) on coefficients and means, half N(0, 1) on scales.
program <- "
data {
  int<lower=1> N;
  int<lower=1> J;
  int<lower=1> K;
  int<lower=0> P;
  int<lower=1, upper=J> county[N];
  matrix[N, K] x;
  matrix[N, P] f;
  vector<lower=1>[N] count;
  vector[N] y;
  real<lower=0> within;
  vector<lower=0, upper=1>[K] centred;
}
parameters {
  matrix[J, K] raw;
  vector[K] mu;
  vector<lower=0>[K] tau;
  vector[P] theta;
  real<lower=0> sigma;
}
model {
  vector[N] mean_y = rep_vector(0, N);
  if (P > 0) mean_y += f * theta;
  for (k in 1:K) {
    if (centred[k] > 0) {
      raw[, k] ~ normal(mu[k], tau[k]);
      mean_y += x[, k] .* raw[county, k];
    } else {
      raw[, k] ~ normal(0, 1);
      mean_y += x[, k] .* (mu[k] + tau[k] * raw[county, k]);
    }
  }
  mu ~ normal(0, 10);
  theta ~ normal(0, 10);
  tau ~ normal(0, 1);
  sigma ~ normal(0, 1);
  y ~ normal(mean_y, sigma ./ sqrt(count));
  target += -(sum(count) - N) * log(sigma) - 0.5 * within / square(sigma);
}
"

# Columns by name, and the names that posteriordb gives to what is compared.
models <- list(
  partially_pooled = list(
    x = "one", f = character(0),
    names = c("mu[1]" = "mu_alpha", "tau[1]" = "sigma_alpha", "sigma" = "sigma_y")
  ),
  hierarchical_intercept = list(
    x = "one", f = c("log_uppm", "floor_measure"),
    names = c(
      "mu[1]" = "mu_alpha", "tau[1]" = "sigma_alpha", "theta[1]" = "beta[1]", "theta[2]" = "beta[2]", "sigma" = "sigma_y"
    )
  ),
  variable_intercept = list(
    x = "one", f = "floor_measure",
    names = c("mu[1]" = "mu_alpha", "tau[1]" = "sigma_alpha", "theta[1]" = "beta", "sigma" = "sigma_y")
  ),
  variable_slope = list(
    x = "floor_measure", f = "one",
    names = c("mu[1]" = "mu_beta", "tau[1]" = "sigma_beta", "theta[1]" = "alpha", "sigma" = "sigma_y")
  ),
  variable_intercept_slope = list(
    x = c("one", "floor_measure"), f = character(0),
    names = c(
      "mu[1]" = "mu_alpha", "tau[1]" = "sigma_alpha", "mu[2]" = "mu_beta", "tau[2]" = "sigma_beta", "sigma" = "sigma_y"
    )
  )
)

# Which columns are sampled centred, and draws of each of the four chains after the warm-up.
runs <- list(
  radon_mn = list(centred = c(one = 0, floor_measure = 0), draws = 20000),
  radon_all = list(centred = c(one = 1, floor_measure = 0), draws = 5000)
)

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) < 2 || !all(arguments[-1] %in% names(runs))) {
  stop("Rscript scripts/golden/radon.R FOLDER radon_mn [radon_all]")
}
target <- "test/golden/radon.json"
golden <- if (file.exists(target)) fromJSON(target, simplifyVector = FALSE) else list()
golden$versions <- list(R = paste(R.version$major, R.version$minor, sep = "."), rstan = as.character(packageVersion("rstan")))
# Where the package BH has no headers of its own (Debian), those of the system serve.
compiled <- stan_model(model_code = program, boost_lib = if (!nzchar(rstan_options("boost_lib"))) "/usr/include")

for (name in arguments[-1]) {
  archive <- file.path(arguments[1], paste0(name, ".data.json.zip"))
  data <- fromJSON(unz(archive, paste0(name, ".json")))
  data$one <- rep(1, data$N)
  key <- paste(data$county_idx, data$floor_measure, data$log_uppm)
  first <- which(!duplicated(key))
  cell <- match(key, key[first])
  means <- as.numeric(tapply(data$log_radon, cell, mean))
  columns <- function(wanted) {
    matrix(as.numeric(unlist(lapply(data[wanted], function(column) column[first]))), length(first), length(wanted))
  }
  for (model in names(models)) {
    spec <- models[[model]]
    run <- runs[[name]]
    fit <- sampling(
      compiled,
      data = list(
        N = length(first), J = data$J, K = length(spec$x), P = length(spec$f), county = data$county_idx[first],
        x = columns(spec$x), f = columns(spec$f), count = as.numeric(table(cell)),
        y = means, within = sum((data$log_radon - means[cell])^2), centred = array(run$centred[spec$x])
      ),
      pars = c("mu", "tau", "theta", "sigma"), chains = 4, cores = 1, seed = 20240611, refresh = 0,
      warmup = 1000, iter = 1000 + run$draws, control = list(adapt_delta = 0.9)
    )
    draws <- subset_draws(as_draws_array(fit), variable = names(spec$names))
    summary <- summarise_draws(draws, mean = base::mean, sd = stats::sd, mcse_mean, mcse_sd, rhat, ess_bulk)
    print(as.data.frame(summary))
    if (any(summary$rhat > 1.005) || get_num_divergent(fit) > 0) {
      stop(sprintf("%s of %s has not converged: %d divergences", model, name, get_num_divergent(fit)))
    }
    rows <- lapply(seq_len(nrow(summary)), function(i) as.list(summary[i, c("mean", "sd", "mcse_mean", "mcse_sd")]))
    golden$posteriors[[name]][[model]] <- setNames(rows, spec$names)
    cat(name, model, "seconds:", sum(get_elapsed_time(fit)), "\n")
    write_json(golden, target, auto_unbox = TRUE, digits = 8, pretty = TRUE)
  }
}
