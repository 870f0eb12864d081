"""Latency curves as SVG: time from request to recorded award against concurrency, both axes logarithmic."""

import math

WIDTH, HEIGHT = 480, 470
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 122, 52

STYLE = """\
    .card { fill: #ffffff; stroke: #d0d7de }
    text { fill: #1f2328 }
    .soft { fill: #59636e; font-size: 14px }
    .grid { stroke: #d0d7de; stroke-width: 1 }
    .fine { stroke: #eaeef2; stroke-width: 1 }
    .unary { stroke: #0969da; fill: #0969da }
    .session { stroke: #bc4c00; fill: #bc4c00 }
    .pgbench { stroke: #6e7781; fill: #6e7781 }
    .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
    .tail { stroke-dasharray: 6 5 }
    .band { stroke: none; opacity: 0.14 }
    .dot { stroke: none }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117; stroke: #3d444d }
      text { fill: #f0f6fc }
      .soft { fill: #b0b8c1 }
      .grid { stroke: #3d444d }
      .fine { stroke: #212830 }
      .unary { stroke: #58a6ff; fill: #58a6ff }
      .session { stroke: #ffa657; fill: #ffa657 }
      .pgbench { stroke: #9198a1; fill: #9198a1 }
    }"""

CURVES = [("unary", "unary/accepted/", "award", "broker, unary calls"),
          ("session", "session/accepted/", "award", "broker, sessions"),
          ("pgbench", "pgbench/", "call", "pgbench, one row a commit")]


def points(summary, prefix, call):
    """[(concurrency, {quantile: spread})] of the cases whose name ends with the concurrency."""
    found = []
    for name, row in summary.items():
        rest = name[len(prefix):]
        if name.startswith(prefix) and rest.isdigit() and call in row["milliseconds"]:
            found.append((int(rest), row["milliseconds"][call]))
    return sorted(found, key=lambda point: point[0])


def number(value):
    return f"{value:g}"


def latency(summary):
    """The picture; without a curve if nothing was measured at several concurrencies."""
    curves = [(kind, words, points(summary, prefix, call)) for kind, prefix, call, words in CURVES]
    curves = [(kind, words, at) for kind, words, at in curves if at]
    concurrencies = sorted({n for _, _, at in curves for n, _ in at}) or [1]
    times = [spread[side] for _, _, at in curves for _, of in at for spread in (of["p50"], of["p99"])
             for side in ("least", "most") if spread[side] > 0] or [1]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    high = max(high, low + 1)
    widest = max(1.0, math.log(concurrencies[-1] / concurrencies[0]))

    def x(n):
        return LEFT + 14 + (WIDTH - LEFT - RIGHT - 28) * math.log(n / concurrencies[0]) / widest

    def y(ms):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (math.log10(ms) - low) / (high - low)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
           "font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif\" font-size=\"16\">",
           "  <title>Time from request to recorded award against lifecycles under way, median and 99th percentile</title>",
           f"  <style>\n{STYLE}\n  </style>",
           f'  <rect class="card" x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="12"/>',
           '  <text x="20" y="32" font-weight="600">From request to recorded award, ms</text>']
    for at, (kind, words, _) in enumerate(curves):
        level = 54 + 20 * at
        out += [f'  <path class="line {kind}" d="M20 {level - 5} h28"/>',
                f'  <text class="soft" x="56" y="{level}">{words}</text>']
    out += ['  <path class="line pgbench" d="M290 49 h28"/><text class="soft" x="326" y="54">median</text>',
            '  <path class="line tail pgbench" d="M290 69 h28"/><text class="soft" x="326" y="74">99th percentile</text>',
            '  <rect class="band pgbench" x="290" y="83" width="28" height="12"/>'
            '<text class="soft" x="326" y="94">least to most</text>']
    for decade in range(low, high + 1):
        level = y(10 ** decade)
        out += [f'  <path class="grid" d="M{LEFT} {level:.1f} H{WIDTH - RIGHT}"/>',
                f'  <text class="soft" x="{LEFT - 8}" y="{level + 5:.1f}" text-anchor="end">{number(10.0 ** decade)}</text>']
        for step in (2, 5) if decade < high else ():
            level = y(step * 10 ** decade)
            out += [f'  <path class="fine" d="M{LEFT} {level:.1f} H{WIDTH - RIGHT}"/>',
                    f'  <text class="soft" x="{LEFT - 8}" y="{level + 5:.1f}" text-anchor="end">'
                    f'{number(step * 10.0 ** decade)}</text>']
    for n in concurrencies:
        out.append(f'  <text class="soft" x="{x(n):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{n}</text>')
    out.append(f'  <text class="soft" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
               "lifecycles in flight</text>")
    for kind, _, at in reversed(curves):
        for quantile, extra in (("p50", ""), ("p99", " tail")):
            top = [f"{x(n):.1f} {y(of[quantile]['most']):.1f}" for n, of in at]
            bottom = [f"{x(n):.1f} {y(of[quantile]['least']):.1f}" for n, of in reversed(at)]
            middle = [f"{x(n):.1f} {y(of[quantile]['median']):.1f}" for n, of in at]
            out += [f'  <path class="band {kind}" d="M{" L".join(top + bottom)} Z"/>',
                    f'  <path class="line{extra} {kind}" d="M{" L".join(middle)}"/>']
            out += [f'  <circle class="dot {kind}" cx="{at_x}" cy="{at_y}" r="3.5"/>'
                    for at_x, at_y in (point.split() for point in middle)]
    return "\n".join(out) + "\n</svg>\n"
