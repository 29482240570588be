"""Texts: over which sequences of the probe the share of a finding is taken, where there are several kinds of them."""

from tb_attnviz.events import Layer
from tb_attnviz.findings.kinds import OF_REPEATS, Kind
from tb_attnviz.findings.recorded import Recorded

_OF_SOME_TOKENS = {"delimiter": "special tokens", "punctuation": "punctuation"}
_OF_NONE = ("dead", "unchanged", "fed_by", "copy", "prunable")  # what they tell is no share of attention


def texts(recorded: Recorded, layer: Layer, kind: Kind) -> str:
    """ "all texts", "ordinary texts", "repeated texts", "all images", "8 × 8 patches"; empty where the probe has one
    kind of sequences alone, and of a kind that tells no share of attention, or that of pairs of a relation.
    """
    if kind.name in _OF_NONE or kind.follows:
        return ""
    if grids := recorded.grids(layer):
        if len(grids) == 1:
            return ""
        return f"{grids[0].rows} × {grids[0].columns} patches" if kind.read_from == "maps" else "all images"
    sequences = recorded.probe.side(layer.queries_of)
    if len({bool(sequence.repeat) for sequence in sequences}) < 2:
        return ""
    if kind.name in OF_REPEATS:
        return "repeated texts"
    if kind.read_from == "maps" or kind.name == "same_token":
        return "ordinary texts"
    return f"texts with {_OF_SOME_TOKENS[kind.name]}" if kind.name in _OF_SOME_TOKENS else "all texts"
