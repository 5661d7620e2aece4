"""The built-in training: one iterator of records, and below it the engines that compute the steps."""
