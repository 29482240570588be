"""AttentionRecorder: records a model's attention heads while it trains."""

import contextlib
import operator
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from torch import nn

from tb_attnviz.alerts import RULES, Rule, Watch
from tb_attnviz.events import Alert, AlertRecord, Layer

from .attributing import Attributing
from .attribution.losses import Loss
from .capture.distributed import without_reducer, writes_here
from .capture.lost_layers import LostLayers
from .capture.other_processes import OtherProcesses
from .capture.recording import Forward
from .capture.selection import Heads, Layers
from .capture.sides import GivenSides
from .failures import Failures
from .listeners import Listeners, OnRecord
from .options import check_options, check_quota
from .probe import Probe
from .probe_passes import ProbePasses
from .probes.relations import GivenRelations
from .recorded_run import RecordedRun
from .report import report
from .schedule import Schedule, as_schedule
from .training_batches import TrainingBatches

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class AttentionRecorder:
    """Shows `probe` to `model` at checkpoints, and writes what every attention head does with it to `logdir`.

        with AttentionRecorder(model, probe, logdir="runs/a", every=200) as recorder:
            for step, batch in enumerate(loader):
                ...
                recorder.step(step)

    logdir: the run's directory, or the SummaryWriter that training logs to. Where there is one, give it: TensorBoard's
        Python loader reads the event files of a directory one after the other and never goes back, so two files that
        grow at once must not share a directory.
    resume: what to do in a directory that holds a run already: go on with it (True), or record beside it, in
        `<logdir>-2`, with a warning (False). By default the first step tells: where the model has other queries,
        keys or figures there than are on disk, or it is the run's first step again, it is another training. The
        trainers' callbacks know it.
    every: `step` records at multiples of it, or when it says so: `powers_of_two()`, or any function of the step.
    health_every: likewise for the health figures alone, which take little room: more often than `every`.
    layers: the layers to record, by number in the order of the forward pass (-1: the last), by name, or by a pattern
        of names ("encoder.*"); one or several.
    heads: the heads to record: numbers for all layers alike, or by layer: `{"encoder.*": [0, 3], -1: 5}`.
    max_tokens: caps the probe to whole sequences that have so many tokens together, always the same ones.
    max_bytes: caps what the samples take on disk: of older checkpoints a log-spaced set of steps keeps them.
    values: "norms" records the length of each key's value, too, for attention to be weighted by it.
    loss: records how much the loss owes to each head, the figure `importance`, by a backward pass a layer and one, at
        each checkpoint: a function loss(output, inputs) of what the model gives and what it was given, of one number or
        one a sequence; "auto" is the loss in the output of a transformers head that has labels among its inputs, or a
        decoder's next-token loss on the probe. See docs/importance.md.
    ablate_every: when each head is taken out, too, for `importance_exact`: as many passes of the probe as heads.
    connections_every: when it is found which heads feed which, on a few sequences of the probe: two backward passes a
        head. The log says before training what these three will take.
    relations: pairs of the probe's tokens that heads may follow, by name; each is a figure, `follows/<name>`, of how
        far a head attends along them beyond what it does by position: of each sequence a list of (query, key), a
        function of its tokens, or one of tb_attnviz.callbacks.relations: `{"parent": pairs, "bracket":
        matching_bracket}`. See docs/relations.md.
    batches: takes three figures of the training batch itself, too, at the steps that `every` and `health_every` say:
        `batch_max_logit` of all pairs, `batch_entropy` and `batch_sink` of some queries. See `batch`.
    batch_size: sequences of the probe in one forward pass.
    forward: called as `forward(model, *inputs)` in the place of `model(*inputs)`: for what training does around its own
        calls, `lambda model, **inputs: model.encode(inputs)`.
    sides: which side of the probe attentions are among, where the pass does not tell: of their queries and of their
        keys, by name or pattern: `{"decoder.*.src_attn": ("tokens", "key_tokens")}`.
    rules: what is warned of (AttentionWarning) when a health figure breaks it; `()` for nothing. See tb_attnviz.alerts.
    on_alert: called with each alert that is raised or cleared, on this thread; what it raises ends the training.
    on_record: called as on_record(step, figures, alerts) after each recording, on this thread, with the scalars that
        are written (mean, least and greatest of each figure, by tag) and the alerts raised or cleared, for a tracker:
        `lambda step, figures, alerts: wandb.log(figures, step=step)`. What it raises is warned of, once.
    on_error: what a recording that fails does to training: "warn" once and go on, or "raise".

    Training is not changed: not its weights, not its random numbers, not the model's mode. The first passes are made
    here, so that a probe or a model that cannot be recorded fails now: two, to see that they show the same.
    With several processes make one in each, with the same options: all make the pass, the first one writes.
    Raises NoAttentionError, OSError if `logdir` cannot be written, ValueError for options that make no sense.
    """

    def __init__(
        self,
        model: nn.Module,
        probe: Probe,
        logdir: "str | os.PathLike[str] | SummaryWriter",
        *,
        every: int | Schedule | str = 100,
        health_every: int | Schedule | str | None = None,
        layers: Layers | None = None,
        heads: Heads | None = None,
        max_tokens: int | None = None,
        max_bytes: int | None = None,
        values: Literal["norms"] | None = None,
        loss: Loss | None = None,
        ablate_every: int | Schedule | None = None,
        connections_every: int | Schedule | None = None,
        relations: GivenRelations | None = None,
        batches: bool = False,
        batch_size: int = 32,
        forward: Forward = nn.Module.__call__,
        sides: GivenSides = MappingProxyType({}),
        resume: bool | None = None,
        rules: Sequence[Rule] = RULES,
        on_alert: Callable[[Alert], object] | None = None,
        on_record: OnRecord | None = None,
        on_error: Literal["warn", "raise"] = "warn",
    ) -> None:
        attributing: dict[str, Any] = {
            "loss": loss,
            "ablate_every": ablate_every,
            "connections_every": connections_every,
        }
        check_options(
            batches=batches,
            batch_size=batch_size,
            relations=relations,
            values=values,
            forward=forward,
            sides=sides,
            resume=resume,
            on_alert=on_alert,
            on_record=on_record,
            on_error=on_error,
            **attributing,
        )
        self._every = as_schedule(every, "every")
        self._health_every = None if health_every is None else as_schedule(health_every, "health_every")
        self._failures = Failures(on_error, "Training goes on; later failures are not reported.", depth=3)
        self._model = without_reducer(model)
        if relations is not None:
            probe = probe.with_relations(relations)
        self._probe = probe if max_tokens is None else probe.within(max_tokens)
        self._watch = Watch(rules)
        self._listeners = Listeners(on_record, on_alert)
        self._closed = False
        self._asked: tuple[int, bool, bool] | None = None  # a step, and whether samples or figures are due there
        self.last_step: int | None = None
        """The last step at which samples were to be recorded, whether that succeeded or not."""

        self._passes = ProbePasses(
            self._model,
            self._probe,
            batch_size=batch_size,
            values=values is not None,
            forward=forward,
            sides=sides,
            failures=self._failures,
        )
        found = self._passes.choose(layers, heads)
        first = self._passes.first()
        self._probe = self._passes.probe
        self.layers: tuple[Layer, ...] = first.layers
        """The attention layers that are recorded, in the order of the forward pass."""
        self.bytes_per_checkpoint: int = first.sample_bytes
        """What the samples of one checkpoint take on disk, but for a few bytes a layer."""
        if max_bytes is not None:
            check_quota(max_bytes, self.bytes_per_checkpoint + first.map_bytes)

        self._attributing = Attributing(
            self._model, self._probe, **attributing, forward=forward, batch_size=batch_size, on_error=on_error
        )
        self._attributing.begin(first)
        self._lost = LostLayers(first)
        self._others = OtherProcesses(first)
        self._batches = (
            TrainingBatches(self._model, model, first, found or first, self._passes.select)
            if batches and writes_here()
            else None
        )
        self._run: RecordedRun | None = None
        if writes_here():
            self._run = RecordedRun(logdir, self._probe, resume=resume, max_bytes=max_bytes)
            report(first, self._probe)

    def step(self, step: int) -> None:
        """Record what is due at `step`; costs nothing if nothing is."""
        samples, figures = self._due(step)
        self._asked = None
        if samples:
            self._record(step, samples=True, due=True)
        elif self.last_step != step and (figures or self._attributing.is_due(step)):
            self._record(step, samples=False, due=figures)

    @contextlib.contextmanager
    def batch(self, step: int) -> Iterator[None]:
        """Around the passes that training makes at `step`: with `batches=True` and where it is due, they are looked at.

            with recorder.batch(step):
                loss = model(**inputs).loss
            loss.backward()
            optimizer.step()
            recorder.step(step)

        Its figures are of the weights that the pass had, before the optimizer's step. Of several passes (accumulated
        gradients) max_logit is the largest, the others are the mean. Of several processes' batches it is the first's.
        """
        with contextlib.ExitStack() as stack:
            if self._batches is not None and not self._closed and any(self._due(step)):
                try:
                    stack.enter_context(self._batches.watched(operator.index(step)))
                except Exception as error:
                    self._failures.tell(error, f"the training batch was not looked at at step {step}")
            yield

    def record(self, step: int, *, ablate: bool = False) -> None:
        """Record now, as `step`. A step that is recorded twice counts as its latest recording.

        ablate: with `importance_exact`, whatever `ablate_every` says.
        """
        self._record(step, samples=True, ablate=ablate)

    def record_health(self, step: int) -> None:
        """Record the health figures alone, now, as `step`; those of a step with samples are there with these."""
        if self.last_step != step:
            self._record(step, samples=False)

    def flush(self) -> None:
        """Wait until what was recorded so far is on disk."""
        if self._run is not None and not self._closed:
            self._run.flush()
            self._check_run(self._run)

    def close(self) -> None:
        """Wait until everything is on disk. May be called again; a SummaryWriter stays open."""
        if self._closed:
            return
        self._closed = True
        if self._run is not None:
            self._run.close()
            self._check_run(self._run)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _due(self, step: int) -> tuple[bool, bool]:
        """Whether samples are due, and else figures. Schedules are asked once a step: they may count."""
        if self._asked is None or self._asked[0] != step:
            samples = self._failures.is_due(self._every, step)
            figures = not samples and self._failures.is_due(self._health_every, step)
            self._asked = step, samples, figures
        return self._asked[1:]

    def _record(self, step: int, *, samples: bool, ablate: bool = False, due: bool = False) -> None:
        """`due`: a schedule says so, and so the training batch was to be looked at."""
        if self._closed:
            raise RuntimeError(f"step {step} cannot be recorded: this AttentionRecorder is closed")
        alerts: AlertRecord | None = None
        done = False
        try:
            if samples:
                self.last_step = operator.index(step)  # now: processes make as many passes, whatever becomes of them
            recording, lost = self._lost.completed(self._passes.again())
            recording = self._attributing.added(step, recording, checkpoint=samples, ablate=ablate)
            unseen = None
            if self._batches is not None:
                recording, unseen = self._batches.added(operator.index(step), recording, due=due)
            for sentence in (lost, unseen):
                if sentence is not None and self._run is not None:
                    warnings.warn(f"step {step}: {sentence}", RuntimeWarning, stacklevel=3)
            if self._run is not None:  # one process tells and writes for all
                earlier = self._run.tell_trainings_apart(operator.index(step), recording)
                if earlier is not None:
                    self._watch.go_on(recording.layers, *earlier.watched(operator.index(step), recording.layers))
                if (missing := self._others.missing()) is not None:
                    warnings.warn(missing, RuntimeWarning, stacklevel=3)
                alerts = self._watch.look(operator.index(step), recording.layers, recording.figures)
                self._run.write(operator.index(step), recording, alerts, samples=samples)
            done = True
        except Exception as error:
            self._failures.tell(error, f"attention was not recorded at step {step}")
        if alerts is not None and done:
            self._listeners.tell(operator.index(step), recording.figures, alerts)
        if self._run is not None:
            self._check_run(self._run)

    def _check_run(self, run: RecordedRun) -> None:
        error = run.take_error()
        if error is not None:
            self._failures.tell(error, "a recording of attention was not written")
