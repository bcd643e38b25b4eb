# Wall seconds of lme4's REML fit of the orange-juice model; the estimates go to stderr. Argument: the folder of the data.
suppressPackageStartupMessages(library(lme4))
folder <- commandArgs(TRUE)[1]
sales <- read.csv(gzfile(file.path(folder, "orangeJuice_yx.csv.gz")))
stores <- read.csv(file.path(folder, "orangeJuice_storedemo.csv"))
stores$age60 <- as.numeric(scale(stores$AGE60))
stores$income <- as.numeric(scale(stores$INCOME))
prices <- as.matrix(sales[, paste0("price", 1:11)])
sales$price <- log(prices[cbind(seq_len(nrow(sales)), sales$brand)])
sales$price <- sales$price - mean(sales$price)
rows <- merge(sales, stores[, c("STORE", "age60", "income")], by.x = "store", by.y = "STORE")
rows$product <- interaction(rows$brand, rows$store, drop = TRUE)
seconds <- system.time(
  fit <- lmer(logmove ~ (price + deal + feat) * (age60 + income) + (price + deal + feat | product) + (price + deal + feat | store),
    data = rows, REML = TRUE
  )
)[["elapsed"]]
message(paste(capture.output(print(summary(fit)$coefficients), print(VarCorr(fit))), collapse = "\n"))
cat(seconds)
