# Writes test/golden/reml.json: lme4's REML criterion and estimates for the orange-juice model of examples/orange-juice.
# Run from the repository root: Rscript scripts/golden/reml.R FOLDER   (R 4 with lme4 and jsonlite)
# FOLDER holds orangeJuice_yx.csv.gz and orangeJuice_storedemo.csv of the package bayesm.

suppressPackageStartupMessages({
  library(lme4)
  library(jsonlite)
})

source("scripts/golden/orangeJuice.R")
rows <- orange_juice(commandArgs(TRUE)[1])
# A tight tolerance: the default stops 0.01 and more above the lowest criterion.
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5))

# Uncorrelated terms are blocks of their own: unit, unit.1, ...
spreads <- function(fit, group) {
  blocks <- VarCorr(fit)
  unlist(lapply(blocks[sub("\\..*", "", names(blocks)) == group], function(block) unname(attr(block, "stddev"))), use.names = FALSE)
}

figures <- function(formula) {
  fit <- lmer(formula, data = rows, REML = TRUE, control = control)
  effects <- summary(fit)$coefficients
  list(
    criterion = unbox(REMLcrit(fit)),
    sigma = unbox(sigma(fit)),
    effects = setNames(lapply(seq_len(nrow(effects)), function(i) unname(effects[i, 1:2])), rownames(effects)),
    sds = list(unit = spreads(fit, "unit"), store = spreads(fit, "store"))
  )
}

result <- list(
  diagonal = figures(logmove ~ (price + deal + feat) * (age60 + income) + (price + deal + feat || unit) + (price + deal + feat || store)),
  full = figures(logmove ~ (price + deal + feat) * (age60 + income) + (price + deal + feat | unit) + (price + deal + feat | store))
)
write(toJSON(result, digits = 12, pretty = TRUE), "test/golden/reml.json")
