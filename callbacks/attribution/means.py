"""Means: the mean output of every head over the tokens of the probe."""

from collections.abc import Sequence

from torch import Tensor

from tb_attnviz.events import Layer

from .head_outputs import UNSEEN, HeadOutputs, by_sequence, run, token_mask
from .shown import Shown


def mean_outputs(shown: Shown, layers: Sequence[Layer]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Layer → [heads, d_v], on the processor in float64; and of other layers why nothing is known of their outputs."""
    wanted = {layer.name: layer for layer in layers}
    sums: dict[str, Tensor] = {}
    counts = dict.fromkeys(wanted, 0)
    refused: dict[str, str] = {}
    for batch in shown.batches():
        observer = HeadOutputs(batch, wanted)
        run(shown.model, batch, shown.forward, observer)
        for name, layer in wanted.items():
            output = observer.found.get(name)
            if output is None:
                refused.setdefault(name, observer.refused.get(name, UNSEEN))
                continue
            try:
                present = token_mask(batch, layer, output)
                own = by_sequence(output.of_heads(output.tensor, layer), present)
            except ValueError as error:
                refused.setdefault(name, str(error))
                continue
            sums[name] = sums.get(name, 0) + own.sum(dim=(0, 2)).cpu().double()
            counts[name] += int(present.sum())
    return {name: total / counts[name] for name, total in sums.items() if name not in refused}, refused
