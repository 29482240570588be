"""A plot of a few lines over logarithmic axes, as SVG: no plotting library is needed to measure."""

import dataclasses
import math
from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 110, 14, 42
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")  # Okabe and Ito: told apart by colour-blind eyes
_STYLE = (
    "<style>text{fill:#555}.grid{stroke:#888;stroke-opacity:.3}"
    "@media(prefers-color-scheme:dark){text{fill:#bbb}}</style>"
)


@dataclasses.dataclass(frozen=True)
class Line:
    """Points of positive coordinates, and what they are."""

    name: str
    points: Sequence[tuple[float, float]]


def log_log(lines: Sequence[Line], *, x: str, y: str) -> str:
    """`lines` as an SVG document, readable on a light and on a dark page."""
    xs = _Axis([point[0] for line in lines for point in line.points], _LEFT, _WIDTH - _RIGHT)
    ys = _Axis([point[1] for line in lines for point in line.points], _HEIGHT - _BOTTOM, _TOP)
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="11"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{_STYLE}']
    for tick in xs.ticks:
        at = f"{xs.place(tick):.1f}"
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text x="{at}" y="{_HEIGHT - _BOTTOM + 15}" text-anchor="middle">{tick:,g}</text>')
    for tick in ys.ticks:
        at = f"{ys.place(tick):.1f}"
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at}" dy="4" text-anchor="end">{tick:,g}</text>')
    for line, colour in zip(lines, _COLOURS, strict=False):
        places = [(xs.place(a), ys.place(b)) for a, b in line.points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in places]
        a, b = places[-1]
        parts.append(f'<text x="{a + 7:.1f}" y="{b + 4:.1f}" style="fill:{colour}">{escape(line.name)}</text>')
    parts.append(f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x)}</text>')
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{escape(y)}</text></svg>')
    return "\n".join(parts) + "\n"


class _Axis:
    """Where values stand between two places, by their logarithms, from one power of ten or half of it to another."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._start, self._end = start, end
        exponents = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
        marks = [factor * 10.0**exponent for exponent in exponents for factor in (1, 2, 5)]
        below = max((mark for mark in marks if mark <= min(values)), default=min(values))
        above = min((mark for mark in marks if mark >= max(values)), default=max(values))
        self._low, self._high = math.log10(below), math.log10(above if above > below else 10 * below)
        self.ticks = [mark for mark in marks if below <= mark <= 10**self._high * 1.001]
        if len(self.ticks) > 9:
            self.ticks = [tick for tick in self.ticks if math.log10(tick) == round(math.log10(tick))]

    def place(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)
