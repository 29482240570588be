"""Options of a recorder, as the trainers' callbacks take them too."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict, overload

from tb_attnviz.alerts import Rule
from tb_attnviz.events import Alert

from .attribution.losses import Loss
from .capture.recording import Forward
from .capture.selection import Heads, Layers
from .capture.sides import GivenSides
from .listeners import OnRecord
from .numbers import as_positive
from .probe import Probe
from .probes.relations import GivenRelations, check_relations
from .schedule import Pace, at_epochs, at_pace, check_pace

_BETWEEN = ("ablate_every", "connections_every")  # schedules that trainers keep to by their steps alone

_FEWEST_CHECKPOINTS = 4  # that a quota must have room for: the first, the newest, and something between


class RecorderOptions(TypedDict, total=False):
    """What AttentionRecorder may be told beside the model, the probe and the directory; it says what they mean."""

    every: Pace
    health_every: Pace | None
    layers: Layers | None
    heads: Heads | None
    max_tokens: int | None
    max_bytes: int | None
    values: Literal["norms"] | None
    loss: Loss | None
    ablate_every: Pace | None
    connections_every: Pace | None
    relations: GivenRelations | None
    batches: bool
    batch_size: int
    forward: Forward
    sides: GivenSides
    resume: bool | None
    rules: Sequence[Rule]
    on_alert: Callable[[Alert], object] | None
    on_record: OnRecord | None
    on_error: Literal["warn", "raise"]


_FUNCTIONS = {
    "forward": "the model and the probe's inputs",
    "on_alert": "an alert",
    "on_record": "the step, its figures and its alerts",
}


def check_options(**options: Any) -> None:
    """Raises ValueError for values of RecorderOptions that cannot be right, whatever the model; it names them.

    TypeError for a name that is none of them.
    """
    for name in options.keys() - RecorderOptions.__annotations__.keys():
        near = difflib.get_close_matches(name, RecorderOptions.__annotations__, 1)
        raise TypeError(f"{name} is no option{f'; did you mean {near[0]}?' if near else ''}")
    for name in ("every", "health_every", *_BETWEEN):
        if options.get(name) is not None:
            check_pace(options[name], name)
    for name in _BETWEEN:
        if at_epochs(options.get(name)):
            raise ValueError(f'{name}="epoch" is not known: give a number of steps, or a share of the training')
    if (loss := options.get("loss")) is not None and loss != "auto" and not callable(loss):
        raise ValueError(
            f'loss={loss!r} is not known: give "auto", or a function of the model\'s output and its inputs'
        )
    if options.get("ablate_every") is not None and loss is None:
        raise ValueError('ablate_every says when heads are taken out: say for which loss, by loss="auto" or a function')
    if (relations := options.get("relations")) is not None:
        check_relations(relations)
    as_positive(options.get("batch_size", 1), "batch_size", "show so many sequences at a time")
    if options.get("max_tokens") is not None:
        as_positive(options["max_tokens"], "max_tokens", "show so many tokens at most")
    if options.get("max_bytes") is not None:
        as_positive(options["max_bytes"], "max_bytes", "let the samples take so many bytes on disk")
    if (batches := options.get("batches", False)) not in (True, False):
        raise ValueError(f"batches={batches!r} is not known: give True, or False")
    if (values := options.get("values")) not in (None, "norms"):
        raise ValueError(f'values={values!r} is not known: give "norms", or None for none')
    if (resume := options.get("resume")) not in (True, False, None):
        raise ValueError(f"resume={resume!r} is not known: give True, False, or None where the samples are to tell")
    if (on_error := options.get("on_error", "warn")) not in ("warn", "raise"):
        raise ValueError(f'on_error={on_error!r} is not known: give "warn" or "raise"')
    for pattern, pair in options.get("sides", {}).items():
        if len(pair) != 2 or not set(pair) <= {"tokens", "key_tokens"}:
            raise ValueError(f'sides[{pattern!r}]={pair!r}: give two of "tokens" and "key_tokens", of queries and keys')
    for name, meaning in _FUNCTIONS.items():
        function = options.get(name, callable)
        if not (callable(function) or (function is None and name != "forward")):
            raise ValueError(f"{name}={function!r} is no function: give one of {meaning}")


def for_training(options: RecorderOptions, *, steps: int | None, resumed: bool) -> dict[str, Any]:
    """The options as AttentionRecorder takes them, for a training of so many steps, which may go on with another.

    Raises ValueError for a share of a training of which `steps` is not known (None).
    """
    given: dict[str, Any] = {"resume": True if resumed else None} | dict(options)
    paces = {
        name: at_pace(given[name], steps, name)
        for name in ("every", "health_every", *_BETWEEN)
        if given.get(name) is not None
    }
    return given | paces


@overload
def checked_probe(probe: object) -> Probe: ...
@overload
def checked_probe(probe: object, *, none: bool) -> Probe | None: ...
def checked_probe(probe: object, *, none: bool = False) -> Probe | None:
    """`probe`, or TypeError for what is none. `none`: there may be None."""
    if isinstance(probe, Probe) or (none and probe is None):
        return probe
    raise TypeError(
        f"AttnVizCallback was given {probe!r} as its probe: give an object made with one, "
        "callbacks=[AttnVizCallback(Probe.from_texts(texts, tokenizer))]"
    )


def check_quota(max_bytes: int, checkpoint: int) -> None:
    """Raises ValueError where `max_bytes` hold too few checkpoints of so many bytes."""
    as_positive(max_bytes, "max_bytes", "let the samples take so many bytes on disk")
    if max_bytes < _FEWEST_CHECKPOINTS * checkpoint:
        raise ValueError(
            f"max_bytes={max_bytes} is too small: a checkpoint takes {checkpoint} bytes, and at least "
            f"{_FEWEST_CHECKPOINTS} must fit; record fewer tokens (max_tokens), layers or heads, or allow more"
        )
