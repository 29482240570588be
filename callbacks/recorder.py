"""AttentionRecorder: records a model's attention heads while it trains."""

import logging
import operator
import os
import warnings
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from torch import nn

from tb_attnviz.alerts import RULES, AttentionWarning, Rule, Watch
from tb_attnviz.events import Alert, AlertRecord, Layer

from .capture import Recording, capture
from .probe import Probe
from .run_directory import open_run
from .writing import BackgroundWriter

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_log = logging.getLogger("tb_attnviz")


class AttentionRecorder:
    """Shows `probe` to `model` at checkpoints, and writes what every attention head does with it to `logdir`.

        with AttentionRecorder(model, probe, logdir="runs/a", every=200) as recorder:
            for step, batch in enumerate(loader):
                ...
                recorder.step(step)

    logdir: the run's directory, or the SummaryWriter that training logs to. Where there is one, give it: TensorBoard's
        Python loader reads the event files of a directory one after the other and never goes back, so two files that
        grow at once must not share a directory.
    every: `step` records at multiples of it.
    batch_size: sequences of the probe in one forward pass.
    rules: what is warned of (AttentionWarning) when a health figure breaks it; `()` for nothing. See tb_attnviz.alerts.
    on_alert: called with each alert that is raised or cleared, on this thread; what it raises ends the training.
    on_error: what a recording that fails does to training: "warn" once and go on, or "raise".

    Training is not changed: not its weights, not its random numbers, not the model's mode. The first pass is made here,
    so that a probe or a model that cannot be recorded fails now.
    Raises NoAttentionError, OSError if `logdir` cannot be written, ValueError for options that make no sense.
    """

    def __init__(
        self,
        model: nn.Module,
        probe: Probe,
        logdir: "str | os.PathLike[str] | SummaryWriter",
        *,
        every: int = 100,
        batch_size: int = 32,
        rules: Sequence[Rule] = RULES,
        on_alert: Callable[[Alert], object] | None = None,
        on_error: Literal["warn", "raise"] = "warn",
    ) -> None:
        self._every = _positive(every, "every", "record every so many steps")
        self._batch_size = _positive(batch_size, "batch_size", "show so many sequences at a time")
        if on_error not in ("warn", "raise"):
            raise ValueError(f'on_error={on_error!r} is not known: give "warn" or "raise"')
        self._on_error = on_error
        self._model = model
        self._probe = probe
        self._watch = Watch(rules)
        self._on_alert = on_alert
        self._warned = False
        self._closed = False
        self.last_step: int | None = None
        """The step that was recorded last."""

        first = capture(model, probe, batch_size=self._batch_size)
        self.layers: tuple[Layer, ...] = first.layers
        """The attention layers, in the order of the forward pass."""
        self.bytes_per_checkpoint: int = _bytes(first)
        """What one checkpoint takes on disk, but for a few bytes a layer."""

        self._writer = BackgroundWriter(open_run(logdir, probe.record))
        self._report(first)

    def step(self, step: int) -> None:
        """Record if `step` is a multiple of `every`; else this costs nothing."""
        if operator.index(step) % self._every == 0:
            self.record(step)

    def record(self, step: int) -> None:
        """Record now, as `step`. A step that is recorded twice counts as its latest recording."""
        if self._closed:
            raise RuntimeError(f"step {step} cannot be recorded: this AttentionRecorder is closed")
        try:
            recording = capture(self._model, self._probe, batch_size=self._batch_size)
            alerts = self._watch.look(operator.index(step), recording.layers, recording.figures)
            self._writer.write(operator.index(step), recording, alerts)
            self.last_step = operator.index(step)
        except Exception as error:
            self._fail(error, f"attention was not recorded at step {step}")
        else:
            self._tell(alerts)
        self._check_writer()

    def close(self) -> None:
        """Wait until everything is on disk. May be called again; a SummaryWriter stays open."""
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        self._check_writer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tell(self, record: AlertRecord) -> None:
        """Warn of what was raised, and hand all of it to the user's own function."""
        for alert in record.alerts:
            if alert.raised:
                warnings.warn(alert.sentence, AttentionWarning, stacklevel=3)
            if self._on_alert is not None:
                self._on_alert(alert)

    def _check_writer(self) -> None:
        error = self._writer.take_error()
        if error is not None:
            self._fail(error, "a recording of attention was not written")

    def _fail(self, error: Exception, what: str) -> None:
        if self._on_error == "raise":
            raise error
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{what}: {type(error).__name__}: {error}. Training goes on; later failures are not reported.",
                RuntimeWarning,
                stacklevel=4,
            )

    def _report(self, first: Recording) -> None:
        _log.info(
            "recording the attention of %d layers, %d heads, on %d tokens: %.1f MB a checkpoint",
            len(self.layers),
            sum(layer.heads for layer in self.layers),
            self._probe.record.tokens,
            self.bytes_per_checkpoint / 1e6,
        )
        if first.skipped:
            skipped = "; ".join(f"{name}: {why}" for name, why in first.skipped.items())
            warnings.warn(f"attention that is not recorded: {skipped}", RuntimeWarning, stacklevel=3)


def _positive(value: int, name: str, meaning: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"{name}={value!r} must be a whole number of at least 1: {meaning}")
    return number


def _bytes(recording: Recording) -> int:
    """Queries and keys take two bytes a component and four a vector, biases four a pair."""
    size = 0
    for samples in recording.samples:
        size += sum(
            2 * vectors.size + 4 * (vectors.size // vectors.shape[-1]) for vectors in (samples.queries, samples.keys)
        )
        size += 4 * samples.bias.size if samples.bias is not None else 0
    return size
