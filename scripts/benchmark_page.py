"""The benchmark's page and picture, from the numbers of ``benchmark.json`` alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gi_classifier.plots.style import BLUE, GREY, PLAIN, canvas, png

FASTEST = ("transformers fp32", "transformers bfloat16", "transformers int8")
_REFERENCE = "the reference's way"
ENGINES = ("ours fp32", "ours int8", "ours openvino")
_PRECISIONS = {
    "transformers fp32": "fp32",
    "transformers bfloat16": "bfloat16",
    "transformers int8": "int8",
    "ours fp32": "fp32",
    "ours int8": "int8",
}


def by_name(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    """One number of each way."""
    return {row["way"]: row[key] for row in rows}


def targets(found: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """What was asked of this library, at least or at most, and what was found."""
    for name, measured in found["sets"].items():
        speed = by_name(measured["speeds"], "records_per_second")
        peer = max(speed[way] for way in FASTEST)
        bulk = [speed[way] for way in speed if way.startswith("ours in bulk")]
        if bulk:
            wanted = "≥ 3" if name.startswith("data/") else "≥ 5"
            yield f"bulk over the fastest transformers, {name}", wanted, max(bulk) / peer
            if not name.startswith("data/"):
                yield (
                    f"bulk over the reference's way, {name}",
                    "≥ 15",
                    max(bulk) / speed[_REFERENCE],
                )
        agree = by_name(measured["speeds"], "labels_as_fp32")
        fit = [speed[way] for way in ENGINES if agree[way] == 1]
        yield f"both members, fastest engine that agrees, over it, {name}", "≥ 1", max(fit) / peer
        yield (
            f"the same over transformers fp32, {name}",
            "≥ 2",
            max(fit) / speed["transformers fp32"],
        )
    p50 = by_name(found["latency"], "p50_ms")
    again, worst = (by_name(found["latency_again"], key) for key in ("p50_ms", "p99_ms"))
    yield (
        "one record: the reference's p50 over ours",
        "≥ 15",
        p50[_REFERENCE] / p50["ours fp32"],
    )
    yield "one record again and again: p99 over p50", "≤ 2", worst["ours fp32"] / again["ours fp32"]
    fresh, ten = found["fresh_processes"], found["ten_times"]
    yield "fresh process to the first answer, s", "≤ 0.5", fresh["first answer"]
    yield (
        "`import gi_classifier`, s, start of Python left out",
        "≤ 0.15",
        (fresh["import"] - fresh["python"]),
    )
    seconds, memory = (ten["ten times"][key] / ten["once"][key] for key in ("seconds", "mib"))
    yield "ten times the records: times the time", "≤ 10.5", seconds
    yield "ten times the records: times the memory", "≈ 1", memory
    speed = {way: row["records_per_second"] for way, row in found["attribution"].items()}
    mine = speed.get("explain(), default")
    for name, wanted in (("compiled", "≥ 4.6"), ("captum", "≥ 3.5")):
        other = next((value for way, value in speed.items() if name in way), None)
        if mine and other:
            yield f"explaining over {name}", wanted, mine / other
    speed, losses = (by_name(found["training"], key) for key in ("records_per_second", "losses"))
    yield "an epoch of training over the reference's", "≥ 2", speed["ours"] / speed[_REFERENCE]
    apart = [abs(a - b) for a, b in zip(losses["ours"], losses[_REFERENCE], strict=True)]
    yield "largest difference of an epoch's loss", "≈ 0", max(apart)
    yield "training on 300 records, 20 epochs, s", "≤ 60", found["few_records_seconds"]


def page(found: Mapping[str, Any]) -> str:
    """``docs/performance.md``: every figure is of one run."""
    there = found["machine"]
    versions = ", ".join(
        f"{name} {there[name]}"
        for name in ("torch", "transformers", "onnxruntime", "openvino", "scikit-learn")
        if there[name]
    )
    parts = [
        "# How fast it is",
        "Written by `python scripts/benchmark.py all`; every figure is of one run, in which all "
        f"take turns, the median of {found['rounds']} rounds. Processor: {there['processor']} "
        f"({', '.join(there['instructions']) or 'none of the instructions that matter'}), "
        f"{there['threads']} threads, a load of {there['load']:.1f} when it began; "
        f"Python {there['python']}, {versions}. Another processor has "
        "other ratios: `gi-classifier engines` measures yours. Answers of int8 and bfloat16 hang "
        "on it as well.",
        _table(
            ("what", "asked", "found"),
            [(what, wanted, f"{value:.2f}") for what, wanted, value in targets(found)],
        ),
        "![Records a second](benchmark.png)",
        *(_set(name, measured, found) for name, measured in found["sets"].items()),
        "## One record at a time",
        _table(
            ("", "of", "p50, ms", "p99, ms"),
            [
                (row["way"], of, f"{row['p50_ms']:.1f}", f"{row['p99_ms']:.1f}")
                for of, rows in (
                    ("records of every length", found["latency"]),
                    (f"one of {found['typical_characters']} characters", found["latency_again"]),
                )
                for row in rows
            ],
        ),
        "## The machine's limit",
        _table(
            ("product of large matrices", "billion operations a second"),
            [(name, f"{value:,.0f}") for name, value in found["limits"].items()],
        ),
        "## Explaining",
        _table(
            ("", "records/s", "median error", "largest error"),
            [
                (
                    name,
                    f"{row['records_per_second']:.1f}",
                    f"{row['median_error']:.2%}",
                    f"{row['largest_error']:.1%}",
                )
                for name, row in found["attribution"].items()
            ],
        ),
        "Errors are completeness errors: how far the scores are from adding up to what they "
        "explain. The loops and captum explain fewer records.",
        "## Training",
        _table(
            ("", "records/s", "loss of each epoch"),
            [
                (
                    row["way"],
                    f"{row['records_per_second']:.0f}",
                    ", ".join(f"{loss:.3f}" for loss in row["losses"]),
                )
                for row in found["training"]
            ],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _set(name: str, measured: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    speed = by_name(measured["speeds"], "records_per_second")
    rows = []
    for row in measured["speeds"]:
        way = row["way"]
        precision = {**_PRECISIONS, "ours openvino": found["openvino_precision"]}.get(way)
        reached = measured["operations_per_record"] * speed[way] / 1e9
        share = f"{reached / found['limits'][precision]:.0%}" if precision else ""
        labels = row["labels_as_fp32"]
        compared = way != "encoding alone" and labels is not None
        rows.append(
            (
                way,
                f"{speed[way]:,.0f}",
                f"{speed[way] / speed['transformers fp32']:.2f}",
                f"{speed[way] / speed[_REFERENCE]:.1f}",
                f"{labels:.2%}" if compared else "",
                share,
            )
        )
    text = f"## {name}\n\n{measured['records']:,} records of {measured['mean_tokens']:.0f} tokens "
    text += "on average.\n\n" + _table(
        ("", "records/s", "× transformers fp32", "× reference", "labels as ours fp32", "of limit"),
        rows,
    )
    if bulk := measured["bulk"]:
        seconds = bulk["seconds"]
        shares = ", ".join(f"{part} {spent:.2f} s" for part, spent in seconds.items())
        text += (
            f"\n\nIn bulk the linear member answers {bulk['answered_alone']:.1%} alone. "
            f"Where its time goes: {shares}."
        )
    return text


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def picture(found: Mapping[str, Any]) -> bytes:
    """Records a second of every way, a panel for each set, on a scale of powers of ten."""
    sets = found["sets"]
    ways = [row["way"] for row in next(iter(sets.values()))["speeds"]]
    figure = canvas(1.5 + 4.5 * len(sets), 0.9 + 0.32 * len(ways))
    for axes, (name, measured) in zip(
        figure.subplots(1, len(sets), sharey=True, squeeze=False)[0], sets.items(), strict=True
    ):
        speed = by_name(measured["speeds"], "records_per_second")
        axes.barh(
            ways,
            [speed[way] for way in ways],
            color=[BLUE if way.startswith("ours") else GREY for way in ways],
        )
        for place, way in enumerate(ways):
            axes.text(speed[way], place, f" {speed[way]:,.0f}", va="center", fontsize=PLAIN - 2)
        axes.set_xscale("log")
        # Powers of ten would be written as formulas, which text is never taken for.
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.margins(x=0.2)
        axes.set_title(name, fontsize=PLAIN)
        axes.set_xlabel("records a second", fontsize=PLAIN)
    # The panels share the axis, so one turns both.
    axes.invert_yaxis()
    return png(figure)
