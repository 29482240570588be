"""Projection: which picture is asked for: the method, its parameters, and the coordinates that it starts from."""

import dataclasses
from typing import Literal, get_args

from tb_attnviz.events.shapes import shown

Method = Literal["biplot", "pca", "tsne", "umap", "attention"]
Normalisation = Literal["canonical", "paper"]
Metric = Literal["euclidean", "cosine"]

METHODS: tuple[Method, ...] = get_args(Method)
NORMALISATIONS: tuple[Normalisation, ...] = get_args(Normalisation)
METRICS: tuple[Metric, ...] = get_args(Metric)
LINEAR: frozenset[Method] = frozenset({"biplot", "pca"})

_PARAMETERS: dict[Method, tuple[str, ...]] = {
    "biplot": (),
    "pca": (),
    "tsne": ("perplexity", "metric", "seed"),
    "umap": ("neighbours", "min_dist", "metric", "seed"),
    "attention": ("attention", "perplexity", "metric"),
}


class ProjectionError(ValueError):
    """A parameter of a projection is out of range; the message names it, its value and its range."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Projection:
    """What a picture of a head is made by. A parameter that the method does not have changes nothing."""

    method: Method = "biplot"
    dims: int = 2
    normalise: Normalisation = "canonical"  # "paper": AttentionViz' scaling and translation (arXiv 2305.03210)
    attention: float = 0.85  # of "attention": how much who attends to whom counts; with 0 neighbours alone, as in t-SNE
    perplexity: float = 30.0  # t-SNE, "attention": about how many neighbours count (van der Maaten & Hinton 2008)
    neighbours: int = 15  # UMAP: how many neighbours count (McInnes et al., arXiv 1802.03426)
    min_dist: float = 0.1  # UMAP: how near points may come
    metric: Metric = "cosine"
    seed: int = 0

    def __post_init__(self) -> None:
        _one_of("projection", self.method, METHODS)
        _one_of("dims", self.dims, (2, 3))
        _one_of("normalise", self.normalise, NORMALISATIONS)
        _one_of("metric", self.metric, METRICS)
        _between("attention", self.attention, 0, 0.99)
        _between("perplexity", self.perplexity, 2, 500)
        _between("neighbours", self.neighbours, 2, 500)
        _between("min_dist", self.min_dist, 0, 1)
        _between("seed", self.seed, 0, 2**31 - 1)

    @property
    def linear(self) -> bool:
        """Whether points on screen are linear in queries and keys, so that one frame serves every step."""
        return self.method in LINEAR

    def address(self) -> dict[str, str | int | float]:
        """All that the picture depends on, and nothing else: of the parameters only those that the method has."""
        named = {name: getattr(self, name) for name in _PARAMETERS[self.method]}
        return {"projection": self.method, "dims": self.dims, "normalise": self.normalise, **named}


def _one_of(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise ProjectionError(f"{name!r} must be one of {', '.join(map(str, choices))}, not {shown(value)}")


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ProjectionError(f"{name!r} must lie between {low} and {high}, not {value!r}")
