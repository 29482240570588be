"""Units: how figures are written for people, in sentences of alerts and findings; as the tab writes them."""

import math

from tb_attnviz.events import is_share

_NEARLY_ALL, _ALL = 0.995, 1 - 1e-6  # what rounds to 100 %, and what is it but for single precision
_TOLD = {"max_logit": "largest logit", "batch_max_logit": "largest logit of the training batch"}


def named(figure: str) -> str:
    """What `figure` is called within a sentence."""
    return _TOLD.get(figure, figure.replace("_", " "))


def told(figure: str, value: float) -> str:
    """A value of `figure`: "44 %" of a share, else "132"."""
    return percent(value) if is_share(figure) and math.isfinite(value) else number(value)


def limit_told(figure: str, limit: float) -> str:
    """The same of a limit, which has few digits: "5 %", "100"."""
    return f"{100 * limit:g} %" if is_share(figure) else f"{limit:g}"


def percent(value: float) -> str:
    """A share: 44 %, 4.4 %; what rounds to nothing is 0 %, and what is not all is no 100 %."""
    if math.isnan(value):
        return "an unknown share"
    size = abs(value)
    if _NEARLY_ALL <= value < _ALL:
        return ">99 %"
    rounded = f"{100 * size:.{0 if size >= 0.0995 or size < 0.0005 else 1}f} %"
    return f"−{rounded}" if value < 0 and size >= 0.0005 else rounded


def number(value: float) -> str:
    """Short: 0.0006, 0.123, 12.3, 1,234, 1.2e6."""
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else "infinite"
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-4:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if size >= 1000:
        return f"{value:,.0f}"
    digits = 0 if size >= 100 or size == 0 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 1e-3 else 4
    return f"{value:.{digits}f}"


def megabytes(size: int) -> str:
    """So many bytes: 1,234.5 MB."""
    return f"{size / 1e6:,.1f} MB"
