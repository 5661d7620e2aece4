"""A grid of runs: which settings they have, what came of each, and the chart of it; `cluster` alone knows Dask."""
