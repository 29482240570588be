"""Sentences of what a run should hold and does not."""

from tb_attnviz.events.order import figures_name


def missing(kind: str, start: int, step: int) -> str:
    """The document before another one is not there, or the record of figures."""
    if kind == "figures":
        return f"the figures of step {step} are damaged or missing in {figures_name(start)}"
    return f"the {kind} document of step {step} is damaged or missing"


def cut_off(start: int, step: int) -> str:
    """The last records of a figures file, up to `step`, are not there."""
    return (
        f"figures were recorded up to step {step}, but {figures_name(start)} ends before: it was cut off, "
        "or is still being copied"
    )


def without_beginning(start: int) -> str:
    return f"{figures_name(start)} is missing, empty or damaged: its figures are left out"


def foreign(start: int) -> str:
    return f"{figures_name(start)} is of another run, and the figures in it are left out"
