# Fits the study's regression by Stan's NUTS in one parametrisation and writes its population draws, after a line with the processor time.
# Usage: Rscript stan.R MODEL FOLDER CENTRED CHAINS WARMUP DRAWS
if (!requireNamespace("rstan", quietly = TRUE)) quit(status = 3)
suppressMessages(library(rstan))
# Debian keeps Boost's headers with the system's.
if (dir.exists("/usr/include/boost")) rstan_options(boost_lib = "/usr/include")
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[2]
numbers <- as.integer(arguments[3:6])
table <- as.matrix(read.csv(file.path(folder, "data.csv"), header = FALSE))
k <- ncol(table) - 2
data <- list(n = nrow(table), groups = length(unique(table[, 1])), k = k, y = table[, 2], x = table[, -(1:2)],
             group = as.integer(table[, 1]) + 1L, centred = numbers[1])
model <- stan_model(arguments[1])
time <- system.time(
  fit <- sampling(model, data = data, chains = numbers[2], cores = 1, warmup = numbers[3], iter = numbers[3] + numbers[4],
                  pars = c("sigma", "sds", "gamma"), refresh = 0, seed = 1)
)
values <- as.matrix(fit, pars = c("gamma", "sds", "sigma"))
gradients <- sum(sapply(get_sampler_params(fit, inc_warmup = TRUE), function(chain) sum(chain[, "n_leapfrog__"])))
con <- file(file.path(folder, "draws.csv"), "w")
writeLines(paste(format(time[["user.self"]] + time[["sys.self"]]), gradients), con)
write.csv(values, con, row.names = FALSE)
close(con)
