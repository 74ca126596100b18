# SPDX-License-Identifier: Apache-2.0
"""tally - medians and ratios of a run, as a table, and what was to be reached

A run's document, as --json writes it, is all that this file and plot.py need.
As a program it holds all of ./run bench to what was to be reached: tally.py
FOLDER, with throughput.json, downtime.json and plan.json in it.
"""
import json
import statistics
import sys

OURS = "korora"
AGAINST = "qemu-tls"
PLANE = "korora-plane"

# What a case is asked: text, case, kind, against, comparison and bound. The
# kinds are in measure().
REACH = [
    ("throughput against QEMU TLS", "random", "faster", "qemu-tls", ">", 2.0),
    ("throughput against multifd+TLS", "random", "faster",
     "qemu-multifd-tls", ">", 1.5),
    ("throughput against multifd unencrypted", "random", "faster",
     "qemu-multifd", ">", 0.5),
    ("CPU seconds against QEMU TLS", "random", "cpu", "qemu-tls", "<", 0.7),
    ("total time against QEMU TLS", "mixed-1gbit", "faster", "qemu-tls",
     ">", 4.0),
    ("bytes on the wire against multifd+zstd", "mixed-1gbit", "wire",
     "qemu-multifd-zstd", "<", 0.75),
    ("total time against multifd+zstd+TLS", "idle-100mbit", "faster",
     "qemu-multifd-zstd-tls", ">", 1.5),
    ("way back: fewer bytes than the first", "back", "fewer", None, ">", 10),
    ("converges where QEMU TLS does not", "dirty", "converges", "qemu-tls",
     ">", 1),
    ("ms from last byte to verdict", None, "verdict", None, "<", 10),
    ("data plane per side over its allowance", None, "memory", None, "<", 1),
    ("ms of downtime above plain QEMU's", "downtime", "added", None, "<", 10),
    ("share of total times as predicted", "plan", "predicted", None, ">",
     0.8),
]
NEAR = 0.25     # of what was predicted is as predicted
PLANE_KB, PLANE_PAGE_B = 256 << 10, 64
BUSY = 0.1      # of the machine, by others


def middle(runs, key):
    """Median, least, greatest; None unless most of the runs have it."""
    v = [r[key] for r in runs if r.get(key) is not None]
    if not v or 2 * len(v) <= len(runs):
        return None
    return {"median": statistics.median(v), "min": min(v), "max": max(v)}


def plane_kb(run):
    return max([kb for who, kb in run.get("peak_kb", {}).items()
                if who.endswith(PLANE)], default=None)


def summarize(case):
    """Fills case["summary"] from case["runs"]: {contender: [record, ...]}."""
    case["summary"] = {}
    for who, runs in case["runs"].items():
        for r in runs:
            r["plane_kb"] = plane_kb(r)
            r["first_wire_bytes"] = r.get("first", {}).get("wire_bytes")
        s = {key: middle(runs, key) for key in (
            "total_ms", "downtime_ms", "cpu_s", "wire_bytes", "rounds",
            "others_cpu_s", "before_copy_ms", "verdict_ms", "plane_kb",
            "first_wire_bytes")}
        keys = sorted({k for r in runs for k in r.get("cpu_by_s", {})})
        s["cpu_by_s"] = {k: round(statistics.median(
            [r.get("cpu_by_s", {}).get(k, 0) for r in runs]), 2)
            for k in keys}
        s["why"] = sorted({r["why"] for r in runs if r.get("why")})
        s["failed"] = sum(r.get("total_ms") is None for r in runs)
        case["summary"][who] = s


def median(case, who, key):
    s = case["summary"].get(who)
    return s[key]["median"] if s and s.get(key) else None


def over(a, b):
    return None if not a or not b else a / b


def measure(case, kind, against):
    """One figure of the table of what was to be reached; None: not known."""
    if kind == "faster":
        return over(median(case, against, "total_ms"),
                    median(case, OURS, "total_ms"))
    if kind in ("cpu", "wire"):
        key = {"cpu": "cpu_s", "wire": "wire_bytes"}[kind]
        if not median(case, OURS, "total_ms"):
            return None
        return over(median(case, OURS, key), median(case, against, key))
    if kind == "fewer":
        return over(median(case, OURS, "first_wire_bytes"),
                    median(case, OURS, "wire_bytes"))
    if kind == "verdict":
        return median(case, OURS, "verdict_ms")
    if kind == "memory":
        kb = median(case, OURS, "plane_kb")
        pages = case["memory_mb"] * 256
        return over(kb, PLANE_KB + pages * PLANE_PAGE_B / 1024)
    if kind == "added":
        return case["added_ms"]
    if kind == "predicted":
        return sum("total_ms" in r and abs(r["total_ms"]["off"]) <= NEAR
                   for r in case["rows"]) / len(case["rows"])
    # converges: at a rate at which the other does not
    if OURS not in case["summary"] or against not in case["summary"] or \
            median(case, against, "total_ms"):
        return None
    return 1 if median(case, OURS, "total_ms") else 0


def never_ended(case):
    """Ours was begun and has no figure: that is not reached, too."""
    return OURS in case.get("summary", {}) and \
        not median(case, OURS, "total_ms")


def reached(document):
    rows = []
    for text, want, kind, against, sign, bound in REACH:
        for name, case in document["cases"].items():
            if want is None and "summary" not in case:
                continue
            if want not in (None, name, name.split("-")[0] if want == "dirty"
                            else None):
                continue
            value = measure(case, kind, against)
            if value is None and not never_ended(case):
                continue
            rows.append({"case": name, "what": text, "bound": bound,
                         "sign": sign,
                         "value": None if value is None else round(value, 2),
                         "reached": value is not None and
                         (value >= bound if sign == ">" else value <= bound)})
    return rows


# ---- as text ----------------------------------------------------------------

def cell(s, unit=1.0, digits=1):
    if not s:
        return "-"
    m = f"{s['median'] / unit:.{digits}f}"
    if s["min"] == s["max"]:
        return m
    return f"{m} ({s['min'] / unit:.{digits}f}..{s['max'] / unit:.{digits}f})"


def only(s, unit=1.0, digits=0):
    return f"{s['median'] / unit:.{digits}f}" if s else "-"


def ratio(x):
    return "-" if x is None else f"{x:.2f}"


def table(case):
    base = case["summary"].get(AGAINST)
    rows = [("", "total s (least..most)", "faster", "downtime ms",
             "CPU s", "x", "wire MiB", "x", "plane MiB")]
    for who, s in case["summary"].items():
        def versus(key, who=who, upside=False):
            a, b = median(case, who, key), median(case, AGAINST, key)
            if not base or not s["total_ms"] or not base["total_ms"]:
                return "-"
            return ratio(over(b, a) if upside else over(a, b))
        rows.append((
            who, cell(s["total_ms"], 1e3, 2) if s["total_ms"] else
            (s["why"] or ["none"])[0][:40], versus("total_ms", upside=True),
            only(s["downtime_ms"]), only(s["cpu_s"], 1, 2), versus("cpu_s"),
            only(s["wire_bytes"], 2 ** 20, 1), versus("wire_bytes"),
            only(s["plane_kb"], 1024)))
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(
        c.ljust(w) if i == 0 else c.rjust(w)
        for i, (c, w) in enumerate(zip(r, widths))).rstrip() for r in rows)


def processes(case):
    """CPU seconds by host and process, one line a contender."""
    lines = []
    for who, s in case["summary"].items():
        parts = "  ".join(f"{k} {v:.2f}" for k, v in sorted(
            s["cpu_by_s"].items(), key=lambda x: -x[1]) if v >= 0.05)
        lines.append(f"  {who:22} {parts}")
    return "\n".join(lines)


def disturbed(case):
    """The share of the machine that did something else meanwhile, in all."""
    runs = [r for v in case["runs"].values() for r in v
            if r.get("total_ms") and "others_cpu_s" in r]
    s = sum(r["total_ms"] for r in runs) / 1e3 * case["cpus"]
    return sum(r["others_cpu_s"] for r in runs) / s if s else 0.0


def headline(name, case):
    text = f"{name}: {case['memory_mb']} MiB of {case['memory']}"
    if case["memory"] == "dirty":
        text += f", {case['rate']} pages/s in {case['wss_mb']} MiB"
    c = case.get("content")
    if c:
        text += (f" ({c['zero']:.0%} zero, {c['same']:.0%} the same as "
                 f"another, the rest deflates to {c['deflated']:.0%})")
    link = case["link"] if case["link"] != "none" else "unshaped"
    text += f"; link {link}; {case['n']} runs each, by turns"
    busy = disturbed(case)
    return text + (f"\nwhile something else took {busy:.0%} of the machine: "
                   "hardly to judge by" if busy > BUSY else "")


def tell_case(name, case):
    out = [headline(name, case), table(case), "CPU seconds:",
           processes(case)]
    for who, s in case["summary"].items():
        if s["failed"]:
            out.append(f"{who}: {s['failed']} of {case['n']} did not end: "
                       + "; ".join(s["why"]))
        if s["before_copy_ms"]:
            out.append(f"{who}: {s['before_copy_ms']['median']:.0f} ms before "
                       "the copy (session, checks, the destination's QEMU)"
                       + (f", {s['verdict_ms']['median']:.0f} ms from sent to "
                          "verified" if s["verdict_ms"] else ""))
    return "\n".join(out)


def tell_reached(document):
    rows = reached(document)
    if not rows:
        return ""
    return "\n".join(["to be reached:"] + [
        f"  {r['case']:16} {r['what']:42} {'-' if r['value'] is None else format(r['value'], '.2f'):>8}  "
        f"{'at least' if r['sign'] == '>' else 'at most'} {r['bound']:<5} "
        f"{'yes' if r['reached'] else 'NO'}" for r in rows])


def main(folder):
    read = {}
    for name in ("throughput", "downtime", "plan"):
        with open(f"{folder}/{name}.json") as f:
            read[name] = json.load(f)
    cases = dict(read["throughput"]["cases"])
    cases["downtime"] = read["downtime"]
    cases["plan"] = {"rows": read["plan"]}
    print(tell_reached({"cases": cases}))


if __name__ == "__main__":
    main(sys.argv[1])
