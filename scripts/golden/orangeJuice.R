# The rows of examples/orange-juice, from a folder with orangeJuice_yx.csv.gz and orangeJuice_storedemo.csv of the package bayesm.
orange_juice <- function(folder) {
  sales <- read.csv(gzfile(file.path(folder, "orangeJuice_yx.csv.gz")))
  stores <- read.csv(file.path(folder, "orangeJuice_storedemo.csv"))
  stores$age60 <- as.numeric(scale(stores$AGE60))
  stores$income <- as.numeric(scale(stores$INCOME))
  prices <- as.matrix(sales[, paste0("price", 1:11)])
  sales$price <- log(prices[cbind(seq_len(nrow(sales)), sales$brand)])
  sales$price <- sales$price - mean(sales$price)
  rows <- merge(sales, stores[, c("STORE", "age60", "income")], by.x = "store", by.y = "STORE")
  rows$unit <- interaction(rows$brand, rows$store, drop = TRUE)
  rows
}
