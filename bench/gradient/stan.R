# Times Stan's gradient of the benchmark's density: one line per round on request.
# Usage: Rscript stan.R MODEL DATA_DIRECTORY; each line on standard input asks for one round of five gradients.
if (!requireNamespace("rstan", quietly = TRUE)) quit(status = 3)
suppressMessages(library(rstan))
# Debian keeps Boost's headers with the system's.
if (dir.exists("/usr/include/boost")) rstan_options(boost_lib = "/usr/include")
arguments <- commandArgs(trailingOnly = TRUE)
numbers <- function(name) {
  path <- file.path(arguments[2], name)
  readBin(path, "double", file.size(path) / 8)
}
sizes <- as.integer(numbers("sizes"))
data <- list(n = sizes[1], units = sizes[2], markets = sizes[3], k = sizes[4], traits = sizes[5],
             y = numbers("y"), x = matrix(numbers("x"), nrow = sizes[4]), unit = as.integer(numbers("unit")) + 1L,
             market = as.integer(numbers("market")) + 1L, w = matrix(numbers("w"), nrow = sizes[5]))
fit <- suppressMessages(sampling(stan_model(arguments[1]), data = data, chains = 0))
at <- numbers("position")
gradient <- grad_log_prob(fit, at)
cat("ready", format(attr(gradient, "log_prob"), digits = 17), format(sqrt(sum(gradient^2)), digits = 17), "\n")
requests <- file("stdin", "r")
while (length(readLines(requests, n = 1)) == 1) {
  start <- Sys.time()
  for (i in 1:5) grad_log_prob(fit, at)
  cat("milliseconds", 1000 * as.numeric(difftime(Sys.time(), start, units = "secs")) / 5, "\n")
}
