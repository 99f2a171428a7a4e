# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture of cost against number of rules, as SVG."""
import math

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 250, 50, 60
COLOURS = ("#c0392b", "#e08e2b", "#2b6cb0", "#1e8449", "#6c3483")


def scale(value, low, high, start, length):
    """A place on a logarithmic axis."""
    return start + length * math.log(value / low) / math.log(high / low)


def decades(low, high):
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0 ** power for power in range(first, last + 1)]


def text(x, y, words, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{words}</text>'


def svg(curves, caption):
    """curves: {name: [(rules, nanoseconds), ...]}"""
    points = [point for curve in curves.values() for point in curve]
    xs, ys = decades(min(p[0] for p in points), max(p[0] for p in points)), \
        decades(min(p[1] for p in points), max(p[1] for p in points))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x, y):
        return (scale(x, xs[0], xs[-1], LEFT, width),
                HEIGHT - BOTTOM - (scale(y, ys[0], ys[-1], 0, height)))

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             text(LEFT, 25, caption, 'font-size="15"')]
    for x in xs:
        column = at(x, ys[0])[0]
        lines += [f'<path d="M{column:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>',
                  text(column, HEIGHT - BOTTOM + 20, f"{x:,.0f}", 'text-anchor="middle"')]
    for y in ys:
        row = at(xs[0], y)[1]
        lines += [f'<path d="M{LEFT} {row:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>',
                  text(LEFT - 8, row + 4, f"{y / 1000:g} us", 'text-anchor="end"')]
    lines.append(text(LEFT + width / 2, HEIGHT - 15, "forwards", 'text-anchor="middle"'))
    for (name, curve), colour in zip(curves.items(), COLOURS):
        places = [at(x, y) for x, y in curve]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        lines.append(f'<path d="{path}" stroke="{colour}" stroke-width="2.5" fill="none"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
                  for x, y in places]
    ends = sorted(((at(*curve[-1])[1], name, colour)
                   for (name, curve), colour in zip(curves.items(), COLOURS)))
    below = 0.0
    for row, name, colour in ends:    # so that no name hides another
        row = max(row, below + 17)
        below = row
        lines.append(text(WIDTH - RIGHT + 10, row + 4, name, f'fill="{colour}"'))
    return "\n".join(lines + ["</svg>", ""])
