# Writes test/golden/diagnostics.json: draws of awkward kinds with the figures that the R package posterior gives for them.
# Run from the repository root: Rscript scripts/golden/diagnostics.R   (R 4 with posterior and jsonlite)

suppressPackageStartupMessages({
  library(posterior)
  library(jsonlite)
})
set.seed(20240611, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")

# Draws as an iterations x chains matrix. JSON carries 15 digits, so draws are rounded to 13 before any figure is taken: what is
# read back is then bit for bit what posterior saw.
iid <- function(n, chains) matrix(rnorm(n * chains), n, chains)
autoregressive <- function(n, chains, rho) {
  sapply(seq_len(chains), function(chain) {
    as.numeric(stats::filter(rnorm(n, sd = sqrt(1 - rho^2)), rho, method = "recursive", init = rnorm(1)))
  })
}

cases <- list(
  iid = iid(150, 4),
  slowAutoregressive = autoregressive(200, 4, 0.9),
  antithetic = autoregressive(150, 4, -0.5),
  stronglyAntithetic = autoregressive(120, 2, -0.9),
  cauchy = matrix(rcauchy(600), 150, 4),
  shiftedChain = sweep(iid(100, 4), 2, c(0, 0, 0, 1.5), "+"),
  scaledChain = sweep(iid(100, 4), 2, c(1, 1, 1, 5), "*"),
  trend = iid(100, 3) + seq(0, 2, length.out = 100),
  largeOffset = 1e6 + autoregressive(100, 4, 0.5),
  smallScale = 1e-9 * autoregressive(100, 2, 0.3),
  logNormal = exp(2 * autoregressive(100, 4, 0.6)),
  poisson = matrix(as.numeric(rpois(600, 2)), 150, 4),
  rareEvents = matrix(as.numeric(runif(400) < 0.02), 100, 4),
  coinFlips = matrix(as.numeric(runif(400) < 0.5), 100, 4),
  symmetricSigns = matrix(sample(rep(c(-1, 1), 100)), 50, 4),
  oddLength = autoregressive(101, 4, 0.4),
  oddTies = matrix(round(2 * rnorm(3 * 77)), 77, 3),
  oneChain = autoregressive(125, 1, 0.7),
  manyChains = iid(20, 16),
  oneStuckChain = cbind(iid(60, 3), 0.25),
  allStuckChains = matrix(rep(c(1, 2, 3, 4), each = 40), 40, 4),
  constant = matrix(3.5, 50, 4),
  elevenDraws = iid(11, 4),
  sixDraws = iid(6, 3),
  fiveDraws = iid(5, 4),
  fourDraws = iid(4, 4)
)
cases <- lapply(cases, signif, digits = 13)

# Too few draws make posterior stop or answer NA; both are null here.
figure <- function(f, ...) {
  value <- suppressWarnings(tryCatch(f(...), error = function(e) NA_real_))
  if (is.nan(value)) NA_real_ else as.numeric(value)
}
probabilities <- c(0, 0.05, 0.1, 0.5, 0.9, 0.95, 1)

describe <- function(x) {
  list(
    chains = lapply(seq_len(ncol(x)), function(chain) x[, chain]),
    figures = list(
      mean = mean(x), sd = stats::sd(x),
      q5 = quantile(x, 0.05, names = FALSE), q50 = quantile(x, 0.5, names = FALSE), q95 = quantile(x, 0.95, names = FALSE),
      rhat = figure(rhat, x), rhatBasic = figure(rhat_basic, x),
      essBulk = figure(ess_bulk, x), essTail = figure(ess_tail, x), essMean = figure(ess_mean, x), essSd = figure(ess_sd, x),
      mcseMean = figure(mcse_mean, x), mcseSd = figure(mcse_sd, x)
    ),
    essQuantile = sapply(probabilities, function(p) figure(ess_quantile, x, probs = p, names = FALSE)),
    mcseQuantile = sapply(probabilities, function(p) figure(mcse_quantile, x, probs = p, names = FALSE))
  )
}

# The autocorrelation and both bandwidths are compared on the first chain of one case.
series <- cases$slowAutoregressive[, 1]
# R bins by truncation towards zero, which makes the bin about zero twice as wide: shifted draws avoid that.
pooled <- lapply(list(
  logNormal = as.numeric(cases$logNormal), slowAutoregressive = series, iid = as.numeric(cases$iid)
), function(x) x - min(x))

golden <- list(
  versions = list(R = paste(R.version$major, R.version$minor, sep = "."), posterior = as.character(packageVersion("posterior"))),
  probabilities = probabilities,
  cases = lapply(cases, describe),
  autocorrelation = posterior::autocorrelation(series),
  bandwidths = list(
    silverman = lapply(pooled, bw.nrd0),
    sheatherJones = lapply(pooled, bw.SJ, method = "dpi")
  ),
  normalQuantile = list(p = c(1e-300, 1e-20, 1e-5, 0.01, 0.074, 0.3, 0.5, 0.75, 0.93, 0.999)),
  betaQuantile = list(
    p = rep(c(0.1586553, 0.8413447), 5), a = rep(c(1, 2.5, 41.3, 951, 3800.25), each = 2),
    b = rep(c(7, 2.5, 61.7, 51, 200.75), each = 2)
  )
)
golden$normalQuantile$value <- qnorm(golden$normalQuantile$p)
golden$betaQuantile$value <- with(golden$betaQuantile, qbeta(p, a, b))

writeLines(toJSON(golden, digits = I(17), auto_unbox = TRUE, na = "null", null = "null"), "test/golden/diagnostics.json")
