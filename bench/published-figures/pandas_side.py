"""The published figures with pandas and matplotlib, as an analyst would write them: the same files in, SVG and PDF out.

Reads the list of figures from standard input: [{"name", "kind", "inputs"}]; draws into the folder named second, from the
folder named first. Prints seconds by figure as JSON. A file that several figures show is read once.
"""

import json
import sys
import time
from functools import cache, lru_cache

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

data, target = sys.argv[1], sys.argv[2]
OPERATIONS = "workload.num_operations"
WIDTH_IN = 3.33


def columns_of(frame):
    """Throughput and latency, of writes where they are told apart from reads."""
    for prefix in ("write_output.", "output.", ""):
        if prefix + "latency.median_ms" in frame.columns:
            return prefix + "start_throughput_1s.p90", prefix + "latency.median_ms"
    raise ValueError("no measured columns")


@cache
def read_rows(path):
    frame = pd.read_csv(f"{data}/{path}")
    frame["clients"] = frame["num_client_procs"] * frame["num_clients_per_proc"]
    rates = [name for name in frame.columns if name.endswith("output.start_throughput_1s.p90")]
    # The harness writes -1 where there was no such request.
    frame["total"] = frame[rates or ["start_throughput_1s.p90"]].clip(lower=0).sum(axis=1)
    medians = [name for name in frame.columns if name.endswith("latency.median_ms")]
    frame["latency"] = frame[medians].clip(lower=0).sum(axis=1)
    if OPERATIONS in frame.columns:
        frame["total"] *= frame[OPERATIONS]
    if "num_acceptors_per_group" in frame.columns:
        frame["acceptors"] = frame["num_acceptor_groups"] * frame["num_acceptors_per_group"]
        frame["leaders a replica"] = frame["num_proxy_leaders"] / frame["num_replicas"]
        frame["spare groups"] = frame["num_acceptor_groups"] - frame["num_replicas"]
    return frame


# A figure of each recording comes after its other one; all of them at once would be large.
@lru_cache(maxsize=1)
def read_recording(path):
    wanted = {"start", "latency_nanos", "count"}
    frame = pd.read_csv(f"{data}/{path}", usecols=lambda name: name in wanted)
    # Whole seconds are written without a fraction.
    frame["start"] = pd.to_datetime(frame["start"], format="ISO8601")
    frame = frame.sort_values("start").set_index("start")
    # The ten seconds at each end are start-up and shutdown.
    return frame[frame.index[0] + pd.Timedelta("10s") : frame.index[-1] - pd.Timedelta("10s")]


def rates_of(frame):
    counts = frame["count"] if "count" in frame else pd.Series(1, index=frame.index)
    return counts.rolling("1s").sum()


def curve(_, inputs):
    figure, axes = plt.subplots(figsize=(WIDTH_IN, 2.2))
    for path in inputs:
        frame = read_rows(path)
        throughput, latency = columns_of(frame)
        points = frame.groupby("clients").agg(
            rate=(throughput, "mean"), deviation=(throughput, "std"), latency=(latency, "mean")
        )
        axes.errorbar(points["rate"], points["latency"], xerr=points["deviation"], marker="o", label=path[-24:])
    axes.set_xlabel("throughput (commands/s)")
    axes.set_ylabel("median latency (ms)")
    axes.legend()
    return figure


def bars(_, inputs):
    figure, axes = plt.subplots(figsize=(WIDTH_IN, 2.2))
    at = 0
    for path in inputs:
        frame = read_rows(path)
        throughput, _ = columns_of(frame)
        varied = [name for name in frame.columns if name.startswith("num_") and frame[name].nunique() > 1]
        groups = frame.groupby(varied or ["clients"])[throughput].agg(["mean", "std"]).head(12)
        axes.bar(range(at, at + len(groups)), groups["mean"], yerr=groups["std"])
        at += len(groups)
    axes.set_ylabel("throughput (commands/s)")
    return figure


READS = "workload.read_fraction"
ACCEPTORS = ["num_acceptor_groups", "num_acceptors_per_group"]
# What is on the x axis, what tells lines apart, and which rows are shown, where it isn't replicas by share of reads.
SCALING = {
    "vldb21-compartmentalized-skew": ("workload.point_fraction", [], {}),
    "tuning-ablation": ("num_proxy_leaders", [*ACCEPTORS, "num_replicas"], {}),
    "tuning-compartmentalized-skew": ("clients", ["num_proxy_leaders"], {}),
    **{
        f"tuning-weak-read-scale-{share}": ("num_replicas", ["clients", *ACCEPTORS], {READS: share / 100})
        for share in (60, 90, 100)
    },
}


def scaling(name, inputs):
    figure, axes = plt.subplots(figsize=(WIDTH_IN, 2.2))
    x, series, shown = SCALING.get(name, ("num_replicas", [READS], {}))
    for path in inputs:
        frame = read_rows(path)
        for column, value in shown.items():
            frame = frame[frame[column] == value]
        for label, rows in frame.groupby(series) if series else [(path[-24:], frame)]:
            points = rows.groupby(x)["total"].agg(["mean", "std"])
            axes.plot(points.index, points["mean"], marker="o", label=str(label))
            axes.fill_between(points.index, points["mean"] - points["std"], points["mean"] + points["std"], alpha=0.25)
    axes.set_xlabel(x)
    axes.set_ylabel("throughput (commands/s)")
    axes.legend()
    return figure


LABEL = "workload_label"
LEADERS, REPLICAS, SHARDS, PROXIES = "num_proxy_leaders", "num_replicas", "num_shards", "num_proxy_replicas"
SIZE, PERIOD = "server_options.push_size", "server_options.push_period"
CUTS, YOLO = "aggregator_options.num_shard_cuts_per_proposal", "replica_options.unsafe_yolo_execution"
FLUSH = "leader_options.flush_phase2as_every_n"
FIXED = "fixed_percentange_writes"
T, L = "total", "latency"
# Which rows, what has a panel each, what tells lines apart, what is on the x axis, and what is drawn of it.
TUNED_LINES = {
    "compartmentalized-lt": ({REPLICAS: [2, 3, 4, 5]}, [FLUSH], [REPLICAS], LEADERS, [T]),
    "compartmentalized-lt-more-replicas": ({REPLICAS: [6, 7, 8, 9, 10]}, [], [REPLICAS], LEADERS, [T]),
    "read-scale-acceptors": ({READS: [1]}, [REPLICAS], ["clients"], "acceptors", [T]),
    "read-scale-proxy-leaders": ({READS: [0]}, [REPLICAS], ["clients"], LEADERS, [T]),
    "read-scale-v1": ({LABEL: [FIXED]}, [READS, "clients"], [LEADERS, "acceptors"], REPLICAS, [T]),
    "read-scale-v2": ({LABEL: [FIXED + "_v2"]}, [READS, "clients"], [LEADERS], REPLICAS, [T]),
    "read-scale-v3": ({LABEL: [FIXED + "_v3"]}, ["clients"], [LEADERS], REPLICAS, [T]),
    "craq-skew-throughput": ({}, ["workload.point_fraction"], [LABEL], "clients", [T]),
    "craq-skew-latency": ({}, ["workload.point_fraction"], [LABEL], "clients", [L]),
    "compartmentalized-skew-latency": ({}, [], [LEADERS], "clients", [L]),
    "batched-reads-v1-throughput": ({LABEL: ["read_only_v1"]}, ["clients", OPERATIONS], [LEADERS, "acceptors"], REPLICAS, [T]),
    "batched-reads-v1-latency": ({LABEL: ["read_only_v1"]}, ["clients", OPERATIONS], [LEADERS, "acceptors"], REPLICAS, [L]),
    "batched-reads-v2": ({LABEL: ["read_only_v2"]}, [OPERATIONS], ["clients"], REPLICAS, [T, L]),
    "batched-reads-v3": ({LABEL: ["read_only_v3"]}, [], ["clients"], REPLICAS, [T, L]),
    "batched-writes-v1-throughput": ({LABEL: ["write_only_v1"]}, ["leaders a replica", OPERATIONS], ["clients"], REPLICAS, [T]),
    "batched-writes-v1-latency": ({LABEL: ["write_only_v1"]}, ["leaders a replica", OPERATIONS], ["clients"], REPLICAS, [L]),
    "batched-writes-v2": ({LABEL: ["write_only_v2"]}, [LEADERS, "spare groups"], ["clients"], REPLICAS, [T, L]),
    "batched-writes-v3": ({LABEL: ["write_only_v3"]}, ["spare groups"], ["clients"], REPLICAS, [T, L]),
    "batched-mixed": ({LABEL: ["mixed_v1"]}, [READS], ["clients"], REPLICAS, [T, L]),
}
# The same of latency over throughput, along the clients.
TUNED_CURVES = {
    "unreplicated-lt": ({}, ["workload.size_mean"], ["server_options.flush_every_n"]),
    **{
        f"bigger-values-{size}": ({"workload.write_size_mean": [size]}, ["num_acceptor_groups", FLUSH], [REPLICAS, LEADERS])
        for size in (100, 1000)
    },
    "scalog-smoke": ({LABEL: ["smoke"]}, [PERIOD], [SHARDS, REPLICAS, CUTS]),
    "scalog-cuts": ({LABEL: ["sweep_v1"]}, [CUTS], [PERIOD]),
    "scalog-roles": ({LABEL: ["sweep_v2", "proxy_leaders_v1", "proxy_leaders_v2"]}, [LABEL], [SHARDS, REPLICAS, PROXIES]),
    "scalog-push-period": ({LABEL: ["smaller_push_period_v1"]}, [], [PROXIES, PERIOD]),
    "scalog-unsafe-execution": ({LABEL: ["yolo_v1", "yolo_v2"]}, [REPLICAS], [PROXIES, PERIOD]),
    "scalog-push-size": ({LABEL: ["push_size_v1"]}, [SHARDS], [REPLICAS, SIZE]),
    "scalog-shards": ({LABEL: ["big_sweep_v1"]}, [REPLICAS, SHARDS], [PROXIES, SIZE]),
    "scalog-batch-size": ({LABEL: ["batch_size_sweep_v1"]}, [], [SIZE]),
    "scalog-safe-execution": ({LABEL: ["no_yolo_v1"]}, [SHARDS], [REPLICAS]),
}
# Latencies from which on rows aren't drawn.
TOO_SLOW_MS = {"scalog-shards": 50, "scalog-batch-size": 20, "scalog-safe-execution": 20, "scalog-best": 50}


def picked(name, inputs, wanted):
    frame = read_rows(inputs[0])
    for column, values in wanted.items():
        frame = frame[frame[column].isin(values)]
    return frame[frame["latency"] < TOO_SLOW_MS.get(name, np.inf)]


def cells(frame, by, measures=(T,)):
    """A panel a group, a row of panels a measure, at most four side by side."""
    groups = list(frame.groupby(by)) if by else [("", frame)]
    wide = min(4, len(groups))
    rows = -(-len(groups) // wide)
    figure, grid = plt.subplots(
        rows * len(measures), wide, figsize=(7, 1.8 * rows * len(measures)), sharex=True, squeeze=False
    )
    shown = []
    for at, measure in enumerate(measures):
        for index, (value, own) in enumerate(groups):
            axes = grid[at * rows + index // wide][index % wide]
            axes.set_title(str(value))
            shown.append((axes, measure, own))
    for axes in grid.flat[len(shown) :]:
        axes.set_visible(False)
    return figure, shown


def one_legend(figure, shown):
    named = {label: line for axes, _, _ in shown for line, label in zip(*axes.get_legend_handles_labels())}
    figure.legend(named.values(), named.keys(), loc="upper center", ncols=4)


def tuned_lines(name, inputs):
    name = name.removeprefix("tuning-")
    wanted, by, lines, x, measures = TUNED_LINES[name]
    figure, shown = cells(picked(name, inputs, wanted), by, measures)
    colors = {}
    for axes, measure, own in shown:
        for label, rows in own.groupby(lines):
            color = colors.setdefault(label, f"C{len(colors)}")
            points = rows.groupby(x)[measure].agg(["mean", "std"])
            axes.plot(points.index, points["mean"], marker="o", color=color, label=str(label))
            low, high = points["mean"] - points["std"], points["mean"] + points["std"]
            axes.fill_between(points.index, low, high, alpha=0.25, color=color)
        axes.set_xlabel(x)
        if measure == L:
            axes.set_yscale("log")
        if x == "clients":
            axes.set_xscale("log")
    one_legend(figure, shown)
    return figure


def tuned_curves(name, inputs):
    name = name.removeprefix("tuning-")
    wanted, by, lines = TUNED_CURVES[name]
    frame = picked(name, inputs, wanted)
    throughput, latency = columns_of(frame)
    figure, shown = cells(frame, by)
    colors = {}
    for axes, _, own in shown:
        for label, rows in own.groupby(lines):
            color = colors.setdefault(label, f"C{len(colors)}")
            points = rows.groupby("clients")[[throughput, latency]].mean()
            axes.plot(points[throughput], points[latency], marker="o", color=color, label=str(label))
        axes.set_xlabel("throughput (commands/s)")
    one_legend(figure, shown)
    return figure


def tuned_best(name, inputs):
    """The best settings, by their largest mean; of batched reads and writes the best at each number of replicas."""
    name = name.removeprefix("tuning-")
    if name == "batched-best":
        frame = picked(name, inputs, {OPERATIONS: [50]})
        means = frame.groupby([READS, REPLICAS, "clients", LEADERS, *ACCEPTORS])["total"].agg(["mean", "std"])
        best = means.loc[means.groupby([READS, REPLICAS])["mean"].idxmax()].reset_index()
        figure, axes = plt.subplots(figsize=(WIDTH_IN, 2.2))
        for share, rows in best.groupby(READS):
            axes.errorbar(rows[REPLICAS], rows["mean"], yerr=rows["std"], marker="o", label=f"{share} reads")
        axes.set_xlabel(REPLICAS)
        axes.legend()
        return figure
    size = int(name.split("-")[2]) if name.startswith("bigger") else None
    frame = picked(name, inputs, {"workload.write_size_mean": [size]} if size else {})
    varied = ["num_acceptor_groups", FLUSH, REPLICAS, LEADERS] if size else [SHARDS, REPLICAS, PROXIES, SIZE, PERIOD, CUTS, YOLO]
    sweep = [] if size else [LABEL]
    throughput, _ = columns_of(frame)
    means = frame.groupby([*sweep, *varied, "clients"])[throughput].agg(["mean", "std"])
    peaks = means.loc[means.groupby([*sweep, *varied])["mean"].idxmax()].sort_values("mean", ascending=False)
    best = peaks.groupby(LABEL, sort=False).head(1) if sweep else peaks.head(8)
    figure, axes = plt.subplots(figsize=(7, 2.5))
    axes.errorbar(best["mean"], range(len(best)), xerr=best["std"], fmt="o")
    axes.set_yticks(range(len(best)), [str(label) for label in best.index])
    axes.set_xlabel("largest throughput (commands/s)")
    return figure


def formula(_, __):
    figure, axes = plt.subplots(figsize=(WIDTH_IN, 2.2))
    replicas = np.arange(2, 31)
    for share in (0, 0.01, 0.02, 0.05, 0.1, 0.25, 1):
        rates = replicas * 100_000 / (replicas * share + 1 - share)
        axes.plot(replicas, rates, label=f"{round(100 * (1 - share))}% reads")
    axes.set_xlabel("number of replicas")
    axes.set_ylabel("throughput (commands/s)")
    axes.legend()
    return figure


def panels(name, _):
    """The Evelyn draft's formulas: all operations, writes and reads, or rates and the share of reads, eight lines each."""
    count = {"evelyn-theory-writes": 1, "evelyn-theory-fixed-writes": 2}.get(name, 3)
    figure, ((*all_axes,),) = plt.subplots(1, count, figsize=(7, 2.5), squeeze=False)
    replicas = np.arange(2, 31)
    for part, axes in enumerate(all_axes):
        for share in (0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1):
            rates = replicas * 100_000 / (replicas * share + 1 - share)
            axes.plot(replicas, rates * (1, share, 1 - share)[part], label=f"{round(100 * share)}% writes")
        axes.set_xlabel("number of replicas")
    all_axes[0].set_ylabel("throughput (commands/s)")
    all_axes[-1].legend()
    return figure


def table(_, inputs):
    figure, axes = plt.subplots(figsize=(7, 2.8))
    columns = {}
    for path in inputs:
        frame = read_rows(path)
        _, latency = columns_of(frame)
        frame = frame[(frame["f"] == 1) & frame["clients"].isin([1, 10, 50])]
        rate = "workload.conflict_rate"
        for share, rows in frame[frame[rate].isin([0.0, 0.02, 0.1])].groupby(rate):
            columns[f"{path[14:-12]} ({share})"] = rows.groupby("clients")[latency].mean()
    drawn = pd.DataFrame(columns).plot.bar(ax=axes, rot=0)
    for container in drawn.containers:
        axes.bar_label(container, fmt="%.2f", rotation=90)
    axes.set_ylabel("median latency (ms)")
    return figure


def timeline(_, inputs):
    figure, (above, below) = plt.subplots(2, 1, figsize=(WIDTH_IN, 3.2), sharex=True)
    for path in inputs:
        frame = read_recording(path)
        latency = frame["latency_nanos"] / 1e6
        elapsed = (frame.index - frame.index[0]).total_seconds()
        median, high = latency.rolling("1s").median(), latency.rolling("1s").quantile(0.95)
        rate = rates_of(frame)
        # Every hundredth is drawn, as by the authors.
        above.plot(elapsed[::100], median.iloc[::100])
        above.fill_between(elapsed[::100], median.iloc[::100], high.iloc[::100], alpha=0.25)
        below.plot(elapsed[::100], rate.iloc[::100])
    for axes in (above, below):
        axes.axvline(10, linestyle="--", color="black", linewidth=0.5)
    above.set_ylabel("latency (ms)")
    below.set_ylabel("throughput (commands/s)")
    below.set_xlabel("time (s)")
    return figure


def windows(_, inputs):
    figure, (above, below) = plt.subplots(2, 1, figsize=(WIDTH_IN, 3.5), sharex=True)
    for path in inputs:
        frame = read_recording(path)
        start = frame.index[0]
        parts = [frame[start + pd.Timedelta(f"{at}s") : start + pd.Timedelta(f"{at + 10}s")] for at in (0, 10)]
        labels = ["before (0–10 s)", "during (10–20 s)"]
        # The first second of each isn't a full window yet.
        rates = [rates_of(part)[part.index[0] + pd.Timedelta("1s") :] for part in parts]
        above.boxplot(rates, whis=(0, 100), tick_labels=labels)
        below.boxplot([part["latency_nanos"] / 1e6 for part in parts], whis=(0, 99), showfliers=False, tick_labels=labels)
    above.set_ylabel("commands/s")
    below.set_ylabel("latency (ms)")
    return figure


kinds = {
    "curve": curve,
    "bars": bars,
    "scaling": scaling,
    "tuned lines": tuned_lines,
    "tuned curves": tuned_curves,
    "tuned best": tuned_best,
    "formula": formula,
    "panels": panels,
    "table": table,
    "timeline": timeline,
    "windows": windows,
}
seconds = {}
for wanted in json.load(sys.stdin):
    began = time.perf_counter()
    figure = kinds[wanted["kind"]](wanted["name"], wanted["inputs"])
    figure.tight_layout()
    for ending in ("svg", "pdf"):
        figure.savefig(f"{target}/{wanted['name']}.{ending}")
    plt.close(figure)
    seconds[wanted["name"]] = time.perf_counter() - began
print(json.dumps(seconds))
