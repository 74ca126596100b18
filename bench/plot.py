# SPDX-License-Identifier: Apache-2.0
"""plot - a run's document as PNG files, by gnuplot

time.png	total time, medians with least and most, one panel a case
cpu.png		CPU seconds of everything on both hosts, stacked by what used it
wire.png	bytes on the wire
"""
import math
import os
import subprocess

COLOURS = {"qemu": "#9aa5b1", "qemu-multifd": "#7b8794",
           "qemu-multifd-zstd": "#616e7c", "qemu-tls": "#e0a458",
           "qemu-multifd-tls": "#c7762b", "qemu-multifd-zstd-tls": "#8f4f1c",
           "korora": "#1f7a8c", "korora-hybrid": "#3fb1c6"}
OTHER = "#bbbbbb"
PANEL_WIDTH, PANEL_HEIGHT = 560, 300
COLUMNS = 2

# What used CPU time: label, colour, and the names of processes.
USERS = (("QEMU, source", "#e0a458", "src", ("qemu",)),
         ("QEMU, destination", "#8f4f1c", "dst", ("qemu",)),
         ("korora-plane, source", "#3fb1c6", "src", ("korora-plane",)),
         ("korora-plane, destination", "#1f7a8c", "dst", ("korora-plane",)),
         ("other of Kororā", "#616e7c", None, None))


def size(n):
    columns = min(COLUMNS, n)
    rows = math.ceil(n / columns)
    return columns, rows, PANEL_WIDTH * columns, PANEL_HEIGHT * rows + 60


def page(title, n, path):
    """gnuplot's first lines for @n panels."""
    columns, rows, width, height = size(n)
    return f"""
set terminal pngcairo noenhanced font "DejaVu Sans,9" size \
{width},{height} background "#ffffff"
set output "{path}"
set multiplot layout {rows},{columns} title "{title}\\n " font ",12"
set style fill solid 1.0 noborder
set border 1 lc "#888888"
set tics nomirror scale 0
set grid x lc "#dddddd" lt 1
unset key
set lmargin 24
set rmargin 8
set xrange [0:*]
"""


def panel(case_name, case, unit):
    link = case["link"] if case["link"] != "none" else "unshaped"
    who = list(case["summary"])
    ticks = ", ".join(f'"{w}" {len(who) - 1 - i}' for i, w in enumerate(who))
    return f"""
set title "{case_name}: {case['memory_mb']} MiB, {link}" font ",10"
set ytics ({ticks})
set yrange [-0.7:{len(who) - 0.3}]
set xlabel "{unit}"
unset label
"""


def bars(document, key, scale, unit, title, path):
    cases = document["cases"]
    out = [page(title, len(cases), path)]
    for name, case in cases.items():
        who = list(case["summary"])
        out.append(panel(name, case, unit))
        boxes, errors = [], []
        for i, w in enumerate(who):
            y, s = len(who) - 1 - i, case["summary"][w].get(key)
            ended = case["summary"][w]["total_ms"]
            if not s or not ended:
                out.append(f'set label "did not end" at graph 0.01,'
                           f'first {y} font ",8" tc "#aa3333"\n')
                continue
            v = [x / scale for x in (s["median"], s["min"], s["max"])]
            colour = "0x" + COLOURS.get(w, OTHER)[1:]
            boxes.append(f"{v[0] / 2} {y} {v[0] / 2} 0.36 {colour}")
            errors.append(f"{v[0]} {y} {v[1]} {v[2]}")
            out.append(f'set label " {v[0]:.3g}" at first {v[2]},{y} '
                       'font ",8"\n')
        if not boxes:
            boxes, errors = ["0 0 0 0 0"], ["0 0 0 0"]
        out.append("$boxes << EOD\n" + "\n".join(boxes) + "\nEOD\n")
        out.append("$errors << EOD\n" + "\n".join(errors) + "\nEOD\n")
        out.append('plot $boxes using 1:2:3:4:5 with boxxyerror lc rgb '
                   'variable, $errors using 1:2:3:4 with xerrorbars pt -1 '
                   'lc rgb "#222222"\n')
    return "".join(out)


def share(summary, user):
    """Of one contender's CPU seconds, those of a row of USERS."""
    _, _, host, comms = user
    total = 0.0
    for key, s in summary["cpu_by_s"].items():
        h, comm = key.split("/", 1)
        known = [u for u in USERS if u[3] and h == u[2]
                 and comm.startswith(u[3])]
        if (known and known[0] is user) or (not known and comms is None):
            total += s
    return total


def legend(n):
    """Labels of the page, below its title."""
    _, _, width, height = size(n)
    step = min(0.2, 190 / width)
    x = 0.5 - step * len(USERS) / 2
    return "".join(
        f'set label "■ {u[0]}" at screen {x + i * step},{1 - 38 / height} '
        f'font ",9" tc rgb "{u[1]}"\n' for i, u in enumerate(USERS))


def stacks(document, title, path):
    cases = document["cases"]
    out = [page(title, len(cases), path)]
    for n, (name, case) in enumerate(cases.items()):
        who = list(case["summary"])
        out.append(panel(name, case, "CPU seconds"))
        rows = {u[0]: [] for u in USERS}
        for i, w in enumerate(who):
            y, x = len(who) - 1 - i, 0.0
            for u in USERS:
                s = share(case["summary"][w], u)
                rows[u[0]].append(f"{x + s / 2} {y} {s / 2} 0.36")
                x += s
            ended = "" if case["summary"][w]["total_ms"] else ", did not end"
            out.append(f'set label " {x:.3g}{ended}" at first {x},{y} '
                       'font ",8"\n')
        plots = []
        for k, u in enumerate(USERS):
            out.append(f"$u{k} << EOD\n" + "\n".join(rows[u[0]]) + "\nEOD\n")
            plots.append(f'$u{k} using 1:2:3:4 with boxxyerror lc rgb '
                         f'"{u[1]}"')
        out.append(legend(len(cases)) if n == 0 else "")
        out.append("plot " + ", ".join(plots) + "\n")
    return "".join(out)


def draw(document, folder):
    """The paths of what was drawn; gnuplot missing is told, not an error."""
    os.makedirs(folder, exist_ok=True)
    path = {n: f"{folder}/{n}.png" for n in ("time", "cpu", "wire")}
    scripts = {
        "time": bars(document, "total_ms", 1e3, "seconds", "Total time, "
                     "median, least and most; less is better", path["time"]),
        "wire": bars(document, "wire_bytes", 2 ** 20, "MiB", "Bytes on the "
                     "wire, both directions; less is better", path["wire"]),
        "cpu": stacks(document, "CPU seconds of everything on both hosts; "
                      "less is better", path["cpu"])}
    for name, script in scripts.items():
        try:
            subprocess.run(["gnuplot"], input=script + "unset multiplot\n",
                           text=True, check=True)
        except FileNotFoundError:
            return ["no plots: gnuplot is missing (gnuplot-nox)"]
    return list(path.values())
