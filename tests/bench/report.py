# SPDX-License-Identifier: GPL-2.0-or-later
"""The results that were measured: medians, ratios, a table, JSON, a plot."""
import json
import math
import statistics


class Series:
    """One figure of one setup, as often as it was measured."""

    def __init__(self):
        self.values = []

    def add(self, value):
        self.values.append(value)

    @property
    def median(self):
        return statistics.median(self.values)


def brief(series):
    """A median as people read it."""
    if not series:
        return ""
    return f"{series.median:,.0f}" if series.median >= 100 else f"{series.median:.3g}"


class Report:
    def __init__(self):
        self.figures = {}    # figure -> {setup -> Series}, in the order of arrival
        self.units = {}
        self.limits = []

    def add(self, figure, unit, setup, value):
        self.units[figure] = unit
        self.figures.setdefault(figure, {}).setdefault(setup, Series()).add(value)

    def median(self, figure, setup):
        return self.figures[figure][setup].median

    def ratio(self, figure, setup, other):
        """Median of the ratios of each round, so that what the machine does besides falls out."""
        pairs = zip(self.figures[figure][setup].values, self.figures[figure][other].values)
        return statistics.median(one / two if two else math.nan for one, two in pairs)

    def limit(self, text, value, bound, at_least=False):
        """A figure that is promised."""
        met = value >= bound if at_least else value <= bound
        self.limits.append({"figure": text, "value": value, "bound": bound,
                            "at_least": at_least, "met": met})

    def table(self):
        lines = []
        for figure, setups in self.figures.items():
            lines += ["", f"{figure} ({self.units[figure]})",
                      f"  {'':44}{'median':>10}{'min':>10}{'max':>10}{'ratio':>8}"]
            first = next(iter(setups))
            for name, series in setups.items():
                lines.append(f"  {name:44}{series.median:10.4g}{min(series.values):10.4g}"
                             f"{max(series.values):10.4g}{self.ratio(figure, name, first):8.2f}")
        lines += ["", f"  {'promised':60}{'is':>8}{'limit':>8}"]
        for limit in self.limits:
            lines.append(f"  {limit['figure']:60}{limit['value']:8.3g}{limit['bound']:8.3g}  "
                         + ("" if limit["met"] else "NOT MET"))
        return "\n".join(lines)

    def markdown(self, rows):
        """Two tables for README.md here: what is promised, and these figures' medians of all gates."""
        lines = ["| figure | limit | is |", "|---|---|---|"]
        for limit in self.limits:
            sign = "at least" if limit["at_least"] else "at most"
            met = "" if limit["met"] else " (not met)"
            lines.append(f"| {limit['figure']} | {sign} {limit['bound']:g} | "
                         f"{limit['value']:.3g}{met} |")
        rows = {figure: head for figure, head in rows.items() if figure in self.figures}
        names = list(dict.fromkeys(name for figure in rows for name in self.figures[figure]))
        lines += ["", "| | " + " | ".join(name.split(",")[0] if name.startswith("iptables") else name
                                         for name in names) + " |",
                  "|---" + "|---:" * len(names) + "|"]
        for figure, head in rows.items():
            cells = (self.figures[figure].get(name) for name in names)
            lines.append(f"| {head} | " + " | ".join(brief(cell) for cell in cells) + " |")
        return "\n".join(lines) + "\n"

    def data(self):
        return {"figures": [{"figure": figure, "unit": self.units[figure],
                             "setups": [{"setup": name, "median": series.median,
                                         "min": min(series.values), "max": max(series.values),
                                         "values": series.values}
                                        for name, series in setups.items()]}
                            for figure, setups in self.figures.items()],
                "limits": self.limits}

    def write(self, path, facts):
        with open(path, "w", encoding="ascii") as file:
            json.dump({**facts, **self.data()}, file, indent=1)
            file.write("\n")
