# Wall seconds of lme4's REML fit of the orange-juice model; the estimates go to stderr. Run from the repository root; argument: the folder of the data.
suppressPackageStartupMessages(library(lme4))
source("scripts/golden/orangeJuice.R")
rows <- orange_juice(commandArgs(TRUE)[1])
seconds <- system.time(
  fit <- lmer(logmove ~ (price + deal + feat) * (age60 + income) + (price + deal + feat | unit) + (price + deal + feat | store),
    data = rows, REML = TRUE
  )
)[["elapsed"]]
message(paste(capture.output(print(summary(fit)$coefficients), print(VarCorr(fit))), collapse = "\n"))
cat(seconds)
