"""The published figures with pandas and matplotlib, as an analyst would write them: the same files in, SVG and PDF out.

Reads the list of figures from standard input: [{"name", "kind", "inputs"}]; draws into the folder named second, from the
folder named first. Prints seconds by figure as JSON.
"""

import json
import sys
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

data, target = sys.argv[1], sys.argv[2]
WIDTH_IN = 3.33


def columns_of(frame):
    """Throughput and latency, of writes where they are told apart from reads."""
    for prefix in ("write_output.", "output.", ""):
        if prefix + "latency.median_ms" in frame.columns:
            return prefix + "start_throughput_1s.p90", prefix + "latency.median_ms"
    raise ValueError("no measured columns")


def read_rows(path):
    frame = pd.read_csv(f"{data}/{path}")
    frame["clients"] = frame["num_client_procs"] * frame["num_clients_per_proc"]
    return frame


def curve(inputs):
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


def bars(inputs):
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


def scaling(inputs):
    figure, axes = plt.subplots(figsize=(WIDTH_IN, 2.2))
    for path in inputs:
        frame = read_rows(path)
        throughput, _ = columns_of(frame)
        x = "num_replicas" if "num_replicas" in frame and frame["num_replicas"].nunique() > 1 else "workload.point_fraction"
        series = "workload.read_fraction" if "workload.read_fraction" in frame else "clients"
        if x not in frame:
            x = "clients"
        for name, rows in frame.groupby(series):
            points = rows.groupby(x)[throughput].agg(["mean", "std"])
            axes.plot(points.index, points["mean"], marker="o", label=str(name))
            axes.fill_between(points.index, points["mean"] - points["std"], points["mean"] + points["std"], alpha=0.25)
    axes.legend()
    return figure


def timeline(inputs):
    figure, (above, below) = plt.subplots(2, 1, figsize=(WIDTH_IN, 3.2), sharex=True)
    for path in inputs:
        try:
            frame = pd.read_csv(f"{data}/{path}")
        except FileNotFoundError:
            continue
        # Whole seconds are written without a fraction.
        frame["start"] = pd.to_datetime(frame["start"], format="ISO8601")
        frame = frame.sort_values("start").set_index("start")
        latency = frame["latency_nanos"] / 1e6
        counts = frame["count"] if "count" in frame else pd.Series(1, index=frame.index)
        elapsed = (frame.index - frame.index[0]).total_seconds()
        median, high = latency.rolling("1s").median(), latency.rolling("1s").quantile(0.95)
        rate = counts.rolling("1s").sum()
        # As many points as show: drawing them all would be another figure's size.
        step = max(1, len(elapsed) // 1000)
        above.plot(elapsed[::step], median.iloc[::step])
        above.fill_between(elapsed[::step], median.iloc[::step], high.iloc[::step], alpha=0.25)
        below.plot(elapsed[::step], rate.iloc[::step])
    above.set_ylabel("latency (ms)")
    below.set_ylabel("throughput (commands/s)")
    below.set_xlabel("time (s)")
    return figure


kinds = {"curve": curve, "bars": bars, "scaling": scaling, "timeline": timeline}
seconds = {}
for wanted in json.load(sys.stdin):
    began = time.perf_counter()
    figure = kinds[wanted["kind"]](wanted["inputs"])
    figure.tight_layout()
    for ending in ("svg", "pdf"):
        figure.savefig(f"{target}/{wanted['name']}.{ending}")
    plt.close(figure)
    seconds[wanted["name"]] = time.perf_counter() - began
print(json.dumps(seconds))
