# Times rhierLinearModel on the benchmark's data and writes its population draws.
arguments <- commandArgs(trailingOnly = TRUE)
suppressMessages(library(bayesm))
folder <- arguments[1]
draws <- as.integer(arguments[2])
data <- as.matrix(read.csv(file.path(folder, "data.csv"), header = FALSE))
k <- ncol(data) - 2
regdata <- lapply(split(seq_len(nrow(data)), data[, 1]), function(own) {
  list(y = data[own, 2], X = unname(data[own, -(1:2), drop = FALSE]))
})
set.seed(1)
prior <- list(nu = as.numeric(arguments[3]), V = as.numeric(arguments[4]) * diag(k), A = matrix(0.01))
time <- system.time(
  fit <- rhierLinearModel(Data = list(regdata = unname(regdata)), Prior = prior, Mcmc = list(R = draws, keep = 1, nprint = 0))
)
variances <- seq(1, k * k, by = k + 1)
values <- cbind(fit$Deltadraw, fit$Vbetadraw[, variances])
colnames(values) <- c(paste0("gamma[", 0:(k - 1), "]"), paste0("sds[", 0:(k - 1), "]"))
con <- file(file.path(folder, "draws.csv"), "w")
writeLines(format(time[["user.self"]] + time[["sys.self"]]), con)
write.csv(values, con, row.names = FALSE)
close(con)
