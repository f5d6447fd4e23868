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
        f"tuning-compartmentalized-lt-flush-{n}": (
            "num_proxy_leaders",
            ["num_replicas"],
            {"leader_options.flush_phase2as_every_n": n},
        )
        for n in (10, 25)
    },
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
