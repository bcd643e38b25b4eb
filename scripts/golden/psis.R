# Writes test/golden/psis.json: log importance ratios with the smoothed weights and k that the R package loo gives for them.
# Run from the repository root: Rscript scripts/golden/psis.R   (R 4 with loo and jsonlite)

suppressPackageStartupMessages({
  library(loo)
  library(jsonlite)
})
set.seed(20240712, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")

n <- 400
z <- rnorm(n)
ratios <- list(
  # Target N(0, 1) over proposals of other widths and places.
  narrowProposal = { x <- 0.5 * z; dnorm(x, log = TRUE) - dnorm(x, sd = 0.5, log = TRUE) },
  wideProposal = { x <- 2 * z; dnorm(x, log = TRUE) - dnorm(x, sd = 2, log = TRUE) },
  shiftedProposal = { x <- z + 1; dnorm(x, log = TRUE) - dnorm(x, mean = 1, log = TRUE) },
  # Ratios that are bounded above.
  boundedRatios = dt(2 * z, df = 3, log = TRUE) - dnorm(z, log = TRUE),
  paretoTail = -0.9 * log(runif(n)),
  veryHeavy = -1.5 * log(runif(n)),
  manyDimensions = rowSums(matrix(rnorm(n * 50)^2, n) * 0.1),
  largeOffset = 5000 + 0.7 * rnorm(n),
  ties = round(rnorm(n), 1),
  short = rnorm(25),
  long = rt(1500, df = 8)
)
ratios <- lapply(ratios, signif, digits = 13)

describe <- function(logRatios, rEff) {
  fit <- suppressWarnings(psis(logRatios, r_eff = rEff))
  list(
    logRatios = logRatios, relativeEfficiency = rEff, paretoK = as.numeric(fit$diagnostics$pareto_k),
    logWeights = as.numeric(weights(fit, log = TRUE, normalize = TRUE))
  )
}
golden <- list(
  versions = list(R = paste(R.version$major, R.version$minor, sep = "."), loo = as.character(packageVersion("loo"))),
  cases = c(lapply(ratios, describe, rEff = 1), list(correlated = describe(ratios$boundedRatios, 0.4)))
)
writeLines(toJSON(golden, digits = I(17), auto_unbox = TRUE), "test/golden/psis.json")
