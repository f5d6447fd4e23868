"""Reference values for analysis/statistics, computed by SciPy, statsmodels and ruptures.

Run:  python3 -m venv /tmp/check && /tmp/check/bin/pip install -r requirements.txt
      /tmp/check/bin/python reference.py > reference.json

The committed reference.json was made with the versions that it names. `reference.extra.test.ts` runs this again where
PyPI can be reached, and compares. Inputs are fixed lists or NumPy draws with a fixed seed, and are part of the output.
"""

import itertools
import json
import math
import sys

import numpy as np
import ruptures
import scipy
import statsmodels
from scipy import integrate, optimize, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

rng = np.random.default_rng(20240710)


def lognormal(n, sigma=0.2, scale=100.0, digits=6):
    return [round(float(x), digits) for x in scale * np.exp(sigma * rng.standard_normal(n))]


def cases(function, argument_lists):
    return [{"args": list(args), "value": float(function(*args))} for args in argument_lists]


def distributions():
    xs = [-38, -10, -5, -1, -0.3, 0, 0.2, 0.67, 0.68, 1.5, 5.6, 5.7, 6, 8, 20]
    ps = [1e-300, 1e-20, 1e-5, 0.01, 0.02425, 0.3, 0.5, 0.9, 0.975, 0.999, 1 - 1e-12]
    ts = [(0.1, 1), (2, 3), (12, 3), (-4, 7.5), (1.96, 100), (3, 1e5), (40, 5), (0, 4), (-2.5, 29)]
    t_ps = [(0.975, 1), (0.975, 2), (0.975, 4), (0.9999, 9), (1e-12, 5), (0.6, 2.5), (0.995, 1e6), (0.3, 30), (0.8, 19), (5e-7, 4)]
    chis = [(0.01, 3), (5, 2), (100, 80), (2e3, 1900), (1e5, 1e5), (0.5, 1)]
    fs = [(1.2, 3, 7), (0.01, 4, 4), (5, 10, 2), (1.01, 1e4, 2e4)]
    bs = [(3, 10, 0.3), (500, 1000, 0.5), (0, 50, 0.01), (9999, 100000, 0.1), (10, 10, 0.2)]
    ncts = [(2, 9, 1), (-1, 4, 0.5), (2.5, 19, 3), (0, 5, 1), (1, 3, -2), (10, 4, 8), (30, 50, 28), (2, 9, 0), (2.26, 9, 6.1)]
    return {
        "normalCdf": cases(stats.norm.cdf, [(x,) for x in xs]),
        "normalSurvival": cases(stats.norm.sf, [(x,) for x in xs]),
        "normalQuantile": cases(stats.norm.ppf, [(p,) for p in ps]),
        "studentCdf": cases(stats.t.cdf, ts),
        "studentSurvival": cases(stats.t.sf, ts),
        "studentQuantile": cases(stats.t.ppf, t_ps),
        "chiSquareCdf": cases(stats.chi2.cdf, chis),
        "chiSquareSurvival": cases(stats.chi2.sf, chis),
        "chiSquareQuantile": cases(stats.chi2.ppf, [(0.01, 3), (0.5, 1), (0.975, 20), (0.999, 5000)]),
        "fisherCdf": cases(stats.f.cdf, fs),
        "fisherSurvival": cases(stats.f.sf, fs),
        "fisherQuantile": cases(stats.f.ppf, [(0.95, 3, 7), (0.01, 4, 4), (0.5, 10, 2.5)]),
        "betaQuantile": cases(stats.beta.ppf, [(0.025, 50000, 50001), (0.975, 3, 0.5), (0.5, 0.1, 0.1), (1e-6, 95, 5)]),
        "binomialMass": cases(stats.binom.pmf, bs),
        "binomialCdf": cases(stats.binom.cdf, bs),
        "binomialSurvival": cases(stats.binom.sf, bs),
        "binomialQuantile": cases(stats.binom.ppf, [(0.025, 100, 0.05), (0.975, 100, 0.05), (0.5, 7, 0.5), (0.999, 10000, 0.3)]),
        "noncentralT": cases(stats.nct.cdf, ncts),
    }


def descriptive():
    values = lognormal(37)
    weights = [round(float(w), 3) for w in rng.uniform(0.1, 3, 37)]
    qs = [0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]
    grid = np.linspace(60, 180, 7)
    iqr = stats.iqr(values)
    bandwidth = 0.9 * min(np.std(values, ddof=1), iqr / 1.349) * len(values) ** -0.2
    kde = [float(np.mean(stats.norm.pdf((g - np.array(values)) / bandwidth)) / bandwidth) for g in grid]
    return {
        "values": values,
        "weights": weights,
        "mean": float(np.mean(values)),
        "variance": float(np.var(values, ddof=1)),
        "geometricMean": float(stats.gmean(values)),
        "trimmedMean": float(stats.trim_mean(values, 0.1)),
        "robustDeviation": float(stats.median_abs_deviation(values, scale="normal")),
        "weightedMean": float(np.average(values, weights=weights)),
        "weightedQuantiles": [{"p": q, "value": float(np.quantile(values, q, weights=weights, method="inverted_cdf"))} for q in qs],
        "nearestRank": [{"p": q, "value": float(np.quantile(values, q, method="inverted_cdf"))} for q in qs],
        "interpolated": [{"p": q, "value": float(np.quantile(values, q, method="linear"))} for q in qs],
        "bandwidth": float(bandwidth),
        "density": [{"value": float(g), "density": d} for g, d in zip(grid, kde)],
        "histogram": [int(c) for c in np.histogram(values, bins=8)[0]],
        "histogramAutoBins": len(np.histogram_bin_edges(values, bins="fd")) - 1,
    }


def intervals():
    a = lognormal(9)
    b = lognormal(13, scale=108)
    c = [round(x * float(np.exp(0.05 + 0.03 * rng.standard_normal())), 6) for x in a]
    t = stats.ttest_1samp(a, 0).confidence_interval(0.95)
    welch = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    wilson = stats.binomtest(44, 485).proportion_ci(0.95, "wilson")
    exact = stats.binomtest(3, 20).proportion_ci(0.99, "exact")
    logs = np.log(c) - np.log(a)
    n = len(logs)
    se = np.std(logs, ddof=1) / math.sqrt(n)
    margin = 0.08

    def tost():
        low = stats.ttest_1samp(logs, math.log1p(-margin), alternative="greater").pvalue
        high = stats.ttest_1samp(logs, math.log1p(margin), alternative="less").pvalue
        return max(low, high)

    # Fieller by its definition: the ratios that a t test at the same level doesn't reject.
    def paired_fieller(sign):
        x, y = np.array(a), np.array(c)
        start = y.mean() / x.mean()

        def miss(rho):
            d = y - rho * x
            return abs(d.mean()) / (np.std(d, ddof=1) / math.sqrt(n)) - stats.t.ppf(0.975, n - 1)

        return float(optimize.brentq(miss, start, start + sign * 0.5, xtol=1e-14))

    def independent_fieller(sign):
        x, y = np.array(a), np.array(b)
        hx = stats.t.ppf(0.975, len(x) - 1) ** 2 * x.var(ddof=1) / len(x)
        hy = stats.t.ppf(0.975, len(y) - 1) ** 2 * y.var(ddof=1) / len(y)
        start = y.mean() / x.mean()
        miss = lambda rho: (y.mean() - rho * x.mean()) ** 2 - hy - rho**2 * hx
        return float(optimize.brentq(miss, start, start + sign * 0.9, xtol=1e-14))

    binomial = stats.binom(200, 0.95)
    return {
        "a": a,
        "b": b,
        "c": c,
        "t": [float(t.low), float(t.high)],
        "welch": [float(welch.low), float(welch.high)],
        "wilson": [float(wilson.low), float(wilson.high)],
        "clopperPearson": [float(exact.low), float(exact.high)],
        "tTestP": float(stats.ttest_rel(np.log(c), np.log(a)).pvalue),
        "equivalenceP": float(tost()),
        "equivalenceMargin": margin,
        "logStandardError": float(se),
        "pairedFieller": [paired_fieller(-1), paired_fieller(1)],
        "fieller": [independent_fieller(-1), independent_fieller(1)],
        "signFlipP": float(
            stats.permutation_test((logs,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided").pvalue
        ),
        "binomialLimits": [int(binomial.ppf(0.0005)), int(binomial.ppf(0.9995))],
    }


def bootstraps():
    values = lognormal(40, sigma=0.6)
    out = {"values": values, "cases": []}
    for name, statistic in [("mean", np.mean), ("median", np.median), ("p90", lambda v, axis=-1: np.quantile(v, 0.9, axis=axis))]:
        for method in ["percentile", "bca"]:
            result = stats.bootstrap(
                (np.array(values),), statistic, method=method, n_resamples=2000, rng=np.random.default_rng(7), vectorized=True
            )
            long = stats.bootstrap(
                (np.array(values),), statistic, method=method, n_resamples=200000, rng=np.random.default_rng(8), vectorized=True, batch=5000
            )
            out["cases"].append(
                {
                    "statistic": name,
                    "method": method,
                    "distribution": [float(x) for x in result.bootstrap_distribution] if name == "mean" else None,
                    "interval": [float(x) for x in result.confidence_interval],
                    "longInterval": [float(x) for x in long.confidence_interval],
                    "longStandardError": float(long.standard_error),
                }
            )
    a, b = np.array(lognormal(30)), np.array(lognormal(25, scale=110))
    ratio = lambda x, y, axis=-1: np.mean(y, axis=axis) / np.mean(x, axis=axis)
    two = {}
    for method in ["percentile", "bca"]:
        result = stats.bootstrap((a, b), ratio, method=method, n_resamples=200000, rng=np.random.default_rng(9), vectorized=True, batch=5000)
        two[method] = [float(x) for x in result.confidence_interval]
    paired_b = a * np.exp(0.1 + 0.05 * rng.standard_normal(30))
    paired = stats.bootstrap(
        (a, paired_b), ratio, method="bca", paired=True, n_resamples=200000, rng=np.random.default_rng(10), vectorized=True, batch=5000
    )
    out["ratio"] = {"a": a.tolist(), "b": b.tolist(), **two}
    out["pairedRatio"] = {"a": a.tolist(), "b": paired_b.tolist(), "bca": [float(x) for x in paired.confidence_interval]}
    return out


def hodges_lehmann_interval(differences, k):
    ordered = np.sort(differences)
    return [float(ordered[k - 1]), float(ordered[len(ordered) - k])]


def ranks():
    a, b = lognormal(8), lognormal(11, scale=115)
    tied_a, tied_b = [1, 2, 2, 3, 5, 5, 8], [2, 3, 3, 5, 8, 9, 9, 12]
    long_a, long_b = [round(x) for x in lognormal(80)], [round(x) for x in lognormal(90, scale=104)]
    d = [round(float(x), 4) for x in rng.normal(0.3, 1, 15)]
    tied_d = [1, -1, 2, 2, -2, 3, 0, 4, 4, 5]
    long_d = [round(float(x), 1) for x in rng.normal(0.2, 1, 120)]

    def mw(x, y, method):
        r = stats.mannwhitneyu(y, x, alternative="two-sided", method=method)
        return {"a": x, "b": y, "statistic": float(r.statistic), "p": float(r.pvalue)}

    def permuted(x, y):
        # Exact with ties: all assignments of the pooled values, as far from the middle or farther on either side.
        pooled = stats.rankdata(x + y)
        middle = len(y) * (len(x) + len(y) + 1) / 2
        observed = abs(pooled[len(x) :].sum() - middle)
        sums = [sum(chosen) for chosen in itertools.combinations(pooled, len(y))]
        return {"a": x, "b": y, "p": float(np.mean([abs(s - middle) >= observed - 1e-9 for s in sums]))}

    def wilcoxon(x, method):
        r = stats.wilcoxon(x, method=method, correction=True, zero_method="wilcox")
        nonzero = [v for v in x if v != 0]
        positive = float(stats.rankdata(np.abs(nonzero))[np.array(nonzero) > 0].sum())
        return {"differences": x, "statistic": positive, "p": float(r.pvalue)}

    def signed_exact(x):
        nonzero = np.array([v for v in x if v != 0])
        r = stats.rankdata(np.abs(nonzero))
        n = len(r)
        observed = abs(r[nonzero > 0].sum() - r.sum() / 2)
        far = sum(abs(r[[i for i in range(n) if m >> i & 1]].sum() - r.sum() / 2) >= observed - 1e-9 for m in range(1 << n))
        return {"differences": x, "p": far / (1 << n)}

    # Exact Mann-Whitney and Wilcoxon null distributions by counting, for the Hodges-Lehmann intervals.
    def mw_k(n, m, tail):
        counts = np.zeros(n * m + 1)
        f = [[None] * (m + 1) for _ in range(n + 1)]
        for i in range(n + 1):
            for j in range(m + 1):
                if i == 0 or j == 0:
                    f[i][j] = {0: 1}
                    continue
                merged = {}
                for u, c in f[i - 1][j].items():
                    merged[u + j] = merged.get(u + j, 0) + c
                for u, c in f[i][j - 1].items():
                    merged[u] = merged.get(u, 0) + c
                f[i][j] = merged
        for u, c in f[n][m].items():
            counts[u] = c
        cdf = np.cumsum(counts) / counts.sum()
        return int(np.searchsorted(cdf, tail, side="right"))

    def sr_k(n, tail):
        counts = np.array([1.0])
        for k in range(1, n + 1):
            nxt = np.zeros(len(counts) + k)
            nxt[: len(counts)] += counts
            nxt[k:] += counts
            counts = nxt
        return int(np.searchsorted(np.cumsum(counts) / counts.sum(), tail, side="right"))

    shift = np.subtract.outer(np.array(b), np.array(a)).ravel()
    walsh = [(d[i] + d[j]) / 2 for i in range(len(d)) for j in range(i, len(d))]
    long_shift = np.subtract.outer(np.array(long_b), np.array(long_a)).ravel()
    n, m = len(long_a), len(long_b)
    k = math.floor(n * m / 2 - stats.norm.ppf(0.975) * math.sqrt(n * m * (n + m + 1) / 12) + 0.5)
    return {
        "mannWhitneyExact": [mw(a, b, "exact")],
        "mannWhitneyNormal": [mw(long_a, long_b, "asymptotic"), mw(tied_a, tied_b, "asymptotic"), mw(a, b, "asymptotic")],
        "mannWhitneyTied": [permuted(tied_a, tied_b)],
        "wilcoxonExact": [wilcoxon(d, "exact")],
        "wilcoxonNormal": [wilcoxon(long_d, "asymptotic")],
        "wilcoxonTied": [signed_exact(tied_d)],
        "shift": {"a": a, "b": b, "estimate": float(np.median(shift)), "interval": hodges_lehmann_interval(shift, mw_k(len(a), len(b), 0.025))},
        "longShift": {"a": long_a, "b": long_b, "estimate": float(np.median(long_shift)), "interval": hodges_lehmann_interval(long_shift, k)},
        "centre": {"values": d, "estimate": float(np.median(walsh)), "interval": hodges_lehmann_interval(walsh, sr_k(len(d), 0.025))},
        "a12": {"a": tied_a, "b": tied_b, "value": float(np.mean([(y > x) + 0.5 * (y == x) for x in tied_a for y in tied_b]))},
    }


def adjusted():
    ps = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269, 0.275, 0.34, 0.341, 0.384, 0.569, 0.594, 0.696]
    shuffled = [float(x) for x in rng.permutation(ps)]
    return {
        "ps": shuffled,
        "benjaminiHochberg": [float(x) for x in multipletests(shuffled, method="fdr_bh")[1]],
        "holm": [float(x) for x in multipletests(shuffled, method="holm")[1]],
    }


def power():
    solver = TTestPower()
    return {
        # One-sided at 0.025: the power of "different in the right direction".
        "power": [
            {"runs": n, "logDeviation": s, "change": c, "value": float(solver.power(math.log1p(c) / s, n, 0.025, alternative="larger"))}
            for n, s, c in [(10, 0.02, 0.02), (5, 0.01, 0.01), (30, 0.05, 0.02), (3, 0.01, 0.05)]
        ],
        # Two one-sided tests, by integrating over both statistics.
        "sameness": [
            {"runs": n, "logDeviation": s, "change": c, "margin": 0.01, "value": tost_power(n, s, math.log1p(c), 0.01)}
            for n, s, c in [(10, 0.01, 0.0), (20, 0.01, 0.0), (30, 0.02, 0.0), (10, 0.005, 0.003)]
        ],
    }


def tost_power(n, sigma, centre, margin):
    df = n - 1
    t = stats.t.ppf(0.95, df)
    error = sigma / math.sqrt(n)

    def inside(chi2):
        reach = t * error * math.sqrt(chi2 / df)
        low, high = math.log1p(-margin) + reach, math.log1p(margin) - reach
        if high <= low:
            return 0.0
        return (stats.norm.cdf((high - centre) / error) - stats.norm.cdf((low - centre) / error)) * stats.chi2.pdf(chi2, df)

    limit = df * ((math.log1p(margin) - math.log1p(-margin)) / (2 * t * error)) ** 2
    end = min(limit, stats.chi2.ppf(1 - 1e-13, df))
    return float(integrate.quad(inside, 0, end, epsabs=1e-12, epsrel=1e-12, limit=500)[0])


def looks():
    """Lan-DeMets bounds, by direct integration of the multivariate normal (another algorithm than the product's)."""

    def leave_probability(criticals, ts):
        # P(no |Z_i| >= c_i), Z_i with correlation sqrt(t_i / t_j)
        k = len(ts)
        correlation = np.array([[math.sqrt(min(s, t) / max(s, t)) for t in ts] for s in ts])
        law = stats.multivariate_normal(np.zeros(k), correlation, maxpts=2_000_000 * k, abseps=1e-8, releps=1e-8)
        return law.cdf(np.array(criticals), lower_limit=-np.array(criticals), rng=np.random.default_rng(1))

    def spend(t, alpha, kind):
        if kind == "pocock":
            return alpha * math.log(1 + (math.e - 1) * t)
        return 4 * stats.norm.sf(stats.norm.isf(alpha / 4) / math.sqrt(t))

    out = []
    for kind in ["obrienFleming", "pocock"]:
        for runs in [[10, 20, 30], [5, 20]]:
            ts = [r / runs[-1] for r in runs]
            criticals = []
            for i, t in enumerate(ts):
                want = 1 - spend(t, 0.05, kind)
                if i == 0:
                    criticals.append(float(stats.norm.isf((1 - want) / 2)))
                    continue
                miss = lambda c: leave_probability(criticals + [c], ts[: i + 1]) - want
                criticals.append(float(optimize.brentq(miss, 1, 8, xtol=1e-7)))
            out.append({"spending": kind, "runs": runs, "critical": criticals})
    return out


def steps():
    """Segmentations by ruptures' own exact dynamic programming (PELT with jump 1)."""
    out = []
    for levels in [[0], [1, 0], [2, 0.5, 0], [0, 1, 0, 1.5], [0, 0.3]]:
        values = [round(float(x), 5) for level in levels for x in level + 0.1 * rng.standard_normal(30)]
        for penalty in [0.05, 0.5, 3]:
            ends = ruptures.Pelt(model="l2", min_size=2, jump=1).fit(np.array(values)).predict(pen=penalty)
            out.append({"values": values, "penalty": penalty, "starts": [0, *[int(e) for e in ends[:-1]]]})
    return out


def rates():
    import pandas as pd

    times = np.sort(rng.integers(0, 4000, 500))
    index = pd.to_datetime(times, unit="ms")
    latency = np.round(rng.lognormal(0, 0.5, 500), 4)
    series = pd.Series(np.ones(500), index=index)
    return {
        "timesMs": [int(t) for t in times],
        "values": [float(x) for x in latency],
        "windowMs": 250,
        "rates": [float(x) for x in series.rolling("250ms").sum() / 0.25],
        "p95": [float(x) for x in pd.Series(latency, index=index).rolling("250ms").quantile(0.95)],
        "median": [float(x) for x in pd.Series(latency, index=index).rolling("250ms").median()],
    }


result = {
    "versions": {
        "scipy": scipy.__version__,
        "numpy": np.__version__,
        "statsmodels": statsmodels.__version__,
        "ruptures": ruptures.__version__,
    },
    "distributions": distributions(),
    "descriptive": descriptive(),
    "intervals": intervals(),
    "bootstraps": bootstraps(),
    "ranks": ranks(),
    "adjusted": adjusted(),
    "power": power(),
    "looks": looks(),
    "steps": steps(),
    "rates": rates(),
}
json.dump(result, sys.stdout, indent=None, separators=(",", ":"))
sys.stdout.write("\n")
