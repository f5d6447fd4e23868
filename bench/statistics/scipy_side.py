"""SciPy's side of run.ts: reads its data, prints {case: quickest milliseconds} as JSON."""

import json
import pathlib
import sys
import time

import numpy as np
import pandas as pd
from scipy import stats

folder = pathlib.Path(sys.argv[1])
data = {path.stem: np.fromfile(path) for path in folder.glob("*.f64")}
rng = np.random.default_rng(1)


def bootstrap(values, statistic, method, batch):
    return stats.bootstrap((values,), statistic, n_resamples=10_000, method=method, batch=batch, rng=rng, vectorized=True)


def sign_flip(values):
    return stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True, batch=100_000)


def rolling(times):
    series = pd.Series(np.ones(len(times)), index=pd.to_datetime(times, unit="ms"))
    return series.rolling("1s").sum()


def hodges_lehmann(a, b):
    # The usual way: all differences. The interval's ranks by the normal approximation, as ours.
    differences = np.subtract.outer(b, a).ravel()
    n, m = len(a), len(b)
    k = int(n * m / 2 - stats.norm.ppf(0.975) * np.sqrt(n * m * (n + m + 1) / 12) + 0.5)
    return np.partition(differences, [k - 1, n * m // 2, n * m - k])


# SciPy's BCa forms an n by n jackknife array: with 100,000 values it does not fit into memory, so BCa is compared with percentile there.
cases = [
    ("bootstrap of the mean, 100,000 values, 10,000 resamples, percentile", 1, lambda: bootstrap(data["large"], np.mean, "percentile", 50)),
    ("bootstrap of the mean, 100,000 whole milliseconds, 10,000 resamples, BCa", 1, lambda: bootstrap(data["milliseconds"], np.mean, "percentile", 50)),
    ("bootstrap of the median, 100,000 values, 10,000 resamples, percentile", 0, lambda: bootstrap(data["large"], np.median, "percentile", 50)),
    ("bootstrap of the mean, 30 values, 10,000 resamples, BCa", 20, lambda: bootstrap(data["small"], np.mean, "bca", None)),
    ("Mann-Whitney's U, 5,000 against 5,000", 20, lambda: stats.mannwhitneyu(data["b"], data["a"], method="asymptotic")),
    ("Hodges-Lehmann shift with interval, 5,000 against 5,000", 3, lambda: hodges_lehmann(data["a"], data["b"])),
    ("sign-flip test, 20 runs, all patterns", 1, lambda: sign_flip(data["runs"])),
    ("kernel density, 100,000 values, 200 points", 3, lambda: stats.gaussian_kde(data["large"])(np.linspace(0, 5, 200))),
    ("rolling rate, 200,000 events, 1 s", 5, lambda: rolling(data["times"])),
]

result = {}
for name, repetitions, run in cases:
    times = []
    # The slowest cases run once, without a warm-up: they take tens of seconds.
    if repetitions > 1:
        run()
    for _ in range(max(1, repetitions)):
        started = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - started))
    result[name] = min(times)
json.dump(result, sys.stdout)
