"""Recording: one pass of a model over the probe, and what every attention head did in it."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tb_attnviz.array_types import Float32
from tb_attnviz.events import AttentionMap, Layer, Samples, StoredSamples, Vectors
from tb_attnviz.geometry import FIGURES, Survey, figures_of, follows, joined_maps, over_sequences, rank_of

from ..probe import Probe
from ..probes.batch import Batch
from ..probes.sequences import repeats_of
from ..tracing.attention_calls import AttentionCalls
from ..tracing.module_names import ModuleNames
from .batch_recording import BatchRecording, LayerRecording
from .known_masks import KnownMasks
from .maps import stored_maps
from .masks import as_bias, join_masks, join_masks_of_windows
from .memory import of_all_tokens
from .neutral import undisturbed
from .other_sequences import Sides, other_sequences
from .own_grids import own_grid
from .precision import without_autocast
from .selection import Selection
from .sides import GivenSides, contents, find_sides
from .split_by_hand import SplitByHand
from .unseen import scripted_attention, unseen
from .values import join_values
from .whole_heads import WholeHeads

Forward = Callable[..., object]
"""Called with the model and the probe's inputs, in the place of the model."""


class NoAttentionError(RuntimeError):
    """The pass over the probe showed no attention that can be recorded."""


@dataclasses.dataclass(frozen=True)
class Recording:
    """What one pass over the probe showed, layer after layer in the order of the pass."""

    layers: tuple[Layer, ...]
    samples: tuple[Samples | StoredSamples, ...]  # the second of many tokens
    figures: dict[str, Float32]  # figure → [heads of all layers]; without those that no head defines
    skipped: dict[str, str]  # module → why its attention was not recorded
    maps: tuple[dict[str, AttentionMap], ...] = ()  # of each layer, with the figures: kind of sequence → map
    without_values: dict[str, str] = dataclasses.field(default_factory=dict)
    """Layer → why the norms of its values were not recorded, where they were asked for."""
    arrays: dict[str, npt.NDArray[Any]] = dataclasses.field(default_factory=dict)
    """What else is known of the heads, by names with a slash."""
    split: frozenset[str] = frozenset()
    """Layers of which this process has some heads only, since the model's own code splits them over processes."""
    moved: frozenset[str] = frozenset()
    """Layers that the model has otherwise than as [batch, heads, …] or [batch · heads, …], or may have."""
    probe: Probe | None = None
    """What was shown: with key_tokens where layers attend to keys of the model's own, too."""

    @property
    def sample_bytes(self) -> int:
        """What the samples take on disk, but for a few bytes a layer.

        Queries and keys take two bytes a component and four a vector, biases four a pair, values' norms four each.
        """
        size = 0
        for samples in self.samples:
            vectors = (samples.queries, samples.keys)
            size += sum(2 * x.size + 4 * (x.size // x.shape[-1]) for x in vectors)
            size += sum(4 * x.size for x in (samples.bias, samples.value_norms) if x is not None)
        return size

    @property
    def map_bytes(self) -> int:
        """What the small maps take on disk, but for a few bytes each: a byte a number."""
        maps = [one for of_layer in self.maps for one in of_layer.values()]
        return sum(x.size for one in maps for x in (one.first, one.pooled, one.offsets, one.received) if x is not None)


def capture(
    model: nn.Module,
    probe: Probe,
    *,
    batch_size: int = 32,
    select: Selection | None = None,
    health: bool = True,
    values: bool = False,
    sides: GivenSides = MappingProxyType({}),
    forward: Forward = nn.Module.__call__,
    known: KnownMasks | None = None,
    by_hand: SplitByHand | None = None,
    shown: dict[str, Sides | str] | None = None,
    unfit: Mapping[str, str] = MappingProxyType({}),
) -> Recording:
    """Show `probe` to `model`, `batch_size` sequences at a time, and record the attention of every layer.

    Of layers and heads those that `select` chooses. Keys of the model's own that a layer attends to beside the tokens
    (memory, a learned prefix) are named, in `recording.probe`. The model is left as it was. Attention that is not among
    the probe's own tokens is skipped. health: with figures; values: with norms of values; forward(…): shows a batch.
    sides: of attentions by name or pattern, which side their queries and keys are of, where the pass does not tell.
    known, by_hand, shown (attention → its sides): of earlier passes over the same batches; this one adds to them.
    unfit: attentions that are not recorded, and why, as earlier passes have shown.
    Raises NoAttentionError if none is left.

        recording = capture(model, probe)
        recording.samples[0].as_read().queries  # [heads, tokens of the probe, d]
    """
    batches: list[BatchRecording] = []
    observers = []
    known, by_hand = known or KnownMasks(), by_hand or SplitByHand()
    shown = {} if shown is None else shown
    known.begin()
    with undisturbed(model):
        for batch in probe.batches(batch_size, device=device_of(model)):
            hints = other_sequences(model, batch)
            inputs = contents(batch, model)
            for _ in range(2):
                of_batch = BatchRecording(
                    batch, shown, hints, health=health, values=values, known=known, number=len(batches), unfit=unfit
                )
                observer = WholeHeads(of_batch, select, model, by_hand)
                with (
                    observer.mixed_tensors(),
                    ModuleNames(model) as names,
                    AttentionCalls(
                        names, observer, [*inputs.values()], sides=len(batch.sides), in_sight=not observer.is_split
                    ) as calls,
                    by_hand.watching(calls.exchanges),
                ):
                    _show(model, batch, forward)
                found = find_sides(of_batch.traces, batch, inputs, hints, sides)
                if not by_hand.learn(calls.exchanges) and found == shown:
                    break
                shown.clear()  # known only after the pass: it is made again
                shown |= found
            told = [*of_batch.layers, *of_batch.skipped, *observer.left_out]
            for name, why in (scripted_attention(model) | unseen(names.ever_called, told)).items():
                observer.refuse(name, why)
            observer.finish()
            of_batch.end()
            batches.append(of_batch)
            observers.append(observer)
    beside = Counter(found for of_batch in batches for found in of_batch.beside.values())
    if beside and probe.record.sequences[0].key_tokens is None:
        return capture(
            model, probe.with_own_keys(*beside.most_common(1)[0][0]), batch_size=batch_size, select=select,
            health=health, values=values, sides=sides, forward=forward, known=known, by_hand=by_hand, shown=shown,
            unfit=unfit,
        )  # fmt: skip
    for observer in observers:
        observer.raise_error()
    recording = _join(probe, batches, FIGURES if health else ())
    layers = recording.layers if select is None else select.number(recording.layers)
    split = frozenset(layer.name for layer in layers if by_hand.is_split(layer.name))
    return dataclasses.replace(recording, layers=layers, probe=probe, split=split)


def _show(model: nn.Module, batch: Batch, forward: Forward) -> None:
    try:
        forward(model, *batch.args, **batch.kwargs)
    except Exception as error:
        if not batch.doubtful:
            raise
        named = ", ".join(batch.doubtful)
        raise ValueError(
            f"the model fails ({type(error).__name__}: {error}), and {named} has as many rows as the probe has "
            "sequences, and is cut into batches as they are: if it belongs to none of them (a mask of tokens by "
            f"tokens, say), give the Probe shared={[*batch.doubtful]}"
        ) from error


def device_of(model: nn.Module) -> torch.device:
    """Where `model` computes, and its inputs are wanted."""
    found = [tensor.device for tensor in (*model.parameters(), *model.buffers())]
    known = next((device for device in found if device.type != "meta"), None)
    if known is not None and found[0].type != "meta":
        return known
    for module in model.modules():  # accelerate brings the weights in as they are needed: its hooks say where to
        hook = getattr(module, "_hf_hook", None)
        for one in getattr(hook, "hooks", [hook]):
            if (device := getattr(one, "execution_device", None)) is not None:
                return torch.device(device)
    return known or torch.device("cpu")


@without_autocast()
def _join(probe: Probe, batches: list[BatchRecording], names: Sequence[str]) -> Recording:
    """The layers of all batches as one recording."""
    skipped = {name: why for of_batch in batches for name, why in of_batch.skipped.items()}
    layers: list[Layer] = []
    maps: list[dict[str, AttentionMap]] = []
    samples: list[Samples | StoredSamples] = []
    without_values: dict[str, str] = {}
    moved = frozenset(name for name, part in batches[0].layers.items() if part.moved)
    of_values = [of_batch.values for of_batch in batches if of_batch.values is not None]
    joint = ("effective_rank", *(["value_entropy"] if of_values else [])) if names else ()
    figures: dict[str, list[Float32]] = {name: [] for name in (*names, *joint)}
    for name in list(batches[0].layers):  # taken out: what a pass leaves in cycles must not keep its samples
        parts = [of_batch.layers.pop(name) for of_batch in batches if name in of_batch.layers]
        alike = name not in skipped and len(parts) == len(batches) and len({part.form for part in parts}) == 1
        masks, windows = [part.mask for part in parts], parts[0].windows
        lengths = [part.lengths for part in parts]
        mask = join_masks(masks, lengths) if windows is None else join_masks_of_windows(masks)
        if not alike or mask is None:
            skipped.setdefault(name, "it was not called alike for all sequences of the probe")
            continue
        if not (mask.full or mask.causal or windows is not None):  # as it is stored
            own, others = (torch.cat(of_side) for of_side in zip(*lengths, strict=True))
            mask = as_bias([mask], [(own, others)])
        queries = of_all_tokens([part.queries for part in parts])  # (heads, n_query, d)
        keys = of_all_tokens([part.keys for part in parts])  # (kv_heads, n_key, d)
        (heads, _, head_dim), kv_heads = queries.shape, keys.shape[0]
        grids = [(None, 0) if own is None or own_grid(probe.record, *own) is None else own for own in parts[0].grids]
        fetched = join_values(name, of_values) if of_values else None
        if isinstance(fetched, str):
            without_values[name] = fetched
            fetched = None
        layers.append(
            Layer(
                name,
                heads,
                kv_heads,
                head_dim,
                scale=parts[0].scale,
                causal=mask.causal,
                softcap=parts[0].softcap,
                queries_of=parts[0].sides[0],
                keys_of=parts[0].sides[1],
                query_grid=grids[0][0],
                key_grid=grids[1][0],
                query_special=grids[0][1],
                key_special=grids[1][1],
                values=fetched is not None,
            )
        )
        samples.append(
            _samples(
                queries,
                keys,
                bias=None if mask.bias is None else mask.bias.float().numpy(),
                sinks=None if parts[0].sinks is None else parts[0].sinks.numpy(),
                windows=None if windows is None else windows.tokens.int().numpy(),
                value_norms=None if fetched is None else fetched.norms.numpy(),
            )
        )
        if names:
            surveys = [part.survey for part in parts if part.survey is not None]
            repeats = repeats_of(probe.record.side(parts[0].sides[0]))
            tokens = [length for part in parts for length in part.lengths[0].tolist()]
            for figure, of_figure in figures_of(surveys, tokens, repeats).items():
                figures[figure].append(of_figure.float().numpy())
            for figure, of_relation in _followed(probe, parts, surveys, heads).items():
                figures.setdefault(figure, []).append(of_relation)
            maps.append(stored_maps(joined_maps(surveys)))
            rank = rank_of([part.rank for part in parts if part.rank is not None])
            figures["effective_rank"].append(rank.float().numpy())
        if "value_entropy" in figures:
            unknown = torch.full((1, heads), torch.nan)
            entropies = unknown if fetched is None or fetched.entropy is None else fetched.entropy
            figures["value_entropy"].append(over_sequences("value_entropy", entropies).float().numpy())
    if not layers:
        raise NoAttentionError(explain(skipped))
    of_all_heads = {name: np.concatenate(values) for name, values in figures.items()}
    defined = {name: values for name, values in of_all_heads.items() if not np.isnan(values).all()}
    return Recording(tuple(layers), tuple(samples), defined, skipped, tuple(maps), without_values, moved=moved)


def _samples(queries: Tensor | Vectors, keys: Tensor | Vectors, **others: Any) -> Samples | StoredSamples:
    if isinstance(queries, Tensor) and isinstance(keys, Tensor):
        return Samples(queries.numpy(), keys.numpy(), **others)
    of_queries, of_keys = (Vectors.of(x.numpy()) if isinstance(x, Tensor) else x for x in (queries, keys))
    return StoredSamples(of_queries, of_keys, **others)


def _followed(probe: Probe, parts: list[LayerRecording], surveys: list[Survey], heads: int) -> dict[str, Float32]:
    """Of each relation, [heads]; NaN where the layer is not among its tokens."""
    found = {one.figure: np.full(heads, np.nan, np.float32) for one in probe.relations}
    for index, one in enumerate(parts[0].relations):
        found[one] = follows([seen.followed[index] for seen in surveys]).astype(np.float32)
    return found


def explain(skipped: dict[str, str]) -> str:
    if skipped:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(skipped.items())[:3])
        return f"no attention of the model can be recorded with this probe ({reasons})"
    return (
        "no attention was seen in the pass over the probe: it is recorded where a model calls "
        "scaled_dot_product_attention, flex_attention or flash-attn, or takes the softmax of a product of queries and "
        "keys; show any other with attnviz_tap(q, k, …) from tb_attnviz.callbacks, and load a Hugging Face model "
        'with attn_implementation="sdpa" or "eager"'
    )
