"""Tokens of calls: which tokens of the probe the queries, keys and values of an attention are made of."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from .attention_call import AttentionCall
from .channels import Channels
from .exchanges import Exchanges
from .folded import Unfold, unfolded
from .observer import Arrange, Observer
from .orders import Orders
from .patches import Patches
from .sources import RANDOM, Sources
from .token_places import LATENTS, TokenPlaces

_VALUES = "its values are not of the tokens that its keys are of: {}"
_CHANNELS = "it attends among channels: its queries are features of all tokens together, and not tokens"


class TokensOfCalls:
    """Follows `inputs` through a pass, by all that is known of what operations make of them.

    sides: how many the probe has. in_sight: whether all that inputs go through is seen, so that what is made of none of
    them is latents.
    """

    def __init__(self, observer: Observer, inputs: Sequence[Tensor], *, sides: int, in_sight: bool) -> None:
        sequences, widths = observer.sequences, observer.widths
        self._observer = observer
        self._sides = sides
        self._in_sight = in_sight
        self.sources = Sources(inputs)
        self.exchanges = Exchanges(self.sources)
        self.patches = Patches(sequences, inputs, self.sources, patch=observer.patch)
        self.places = TokenPlaces(sequences, widths, inputs, self.sources, sides=sides)
        self._channels = Channels()
        self._orders = Orders(sequences, widths, lambda x: self.sources.of(x) != 0, self._channels.number_first)
        self._attentions: dict[str, int] = {}  # each as a set of sources
        self._of_latents: set[str] = set()
        self._unfolds: dict[str, Unfold] = {}  # of attentions whose heads are folded
        self._made = 0  # attentions of the operation that is under way, as a set of sources

    def follow(self, func: Callable[..., Any], operation: str, given: Sequence[Tensor], args: tuple[Any, ...],
               kwargs: dict[str, Any], result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, as `Sources.follow` does."""
        self.sources.follow(operation, given, args, kwargs, result)
        self.exchanges.follow(func, operation, args, kwargs, result)
        self.patches.follow(func, operation, given, args, kwargs, result)
        self.places.follow(func, operation, given, args, kwargs, result)
        self._channels.follow(func, operation, args, kwargs, result)
        self._orders.follow(operation, given, args, kwargs, result)

    def finish(self, result: Any) -> None:
        """The operation is through: attentions that were told of meanwhile have a part in `result`."""
        if self._made:
            self.sources.add(self._made, result)
            self.exchanges.came(result)
            self._made = 0

    def told(
        self, call: AttentionCall, given: tuple[Any, Any], arranges: tuple[Arrange, ...], rows_and_d: tuple[int, int]
    ) -> AttentionCall | None:
        """`call` with what is known of its tokens; None if it is refused.

        given: the tensors of the pass that queries and keys are, or what a layer makes them of out of sight; `arranges`
        puts each in their order. rows_and_d: which axes of the first number queries, and what is summed over.
        """
        if isinstance(given[0], Tensor) and self._channels.number_rows(given[0], *rows_and_d):
            self._observer.refuse(call.name, _CHANNELS)
            return None
        if isinstance(given[0], Tensor):
            call, unfold = unfolded(call, given[0], arranges[0], self._observer.widths, self.places.in_place)
            if unfold is not None:
                self._unfolds[call.name] = unfold
                arranges = (unfold.behind(arranges[0]), *arranges[1:])
        places = [
            self.patches.places(x, arrange) if isinstance(x, Tensor) else None
            for x, arrange in zip(given, arranges, strict=True)
        ]
        queries, keys = (self.sources.of(x) for x in given)
        attention = self._attentions[call.name] = self.sources.new_attention()
        self._made |= attention
        self.exchanges.begin(call, queries | keys, attention)
        followed = all(
            isinstance(x, Tensor) and self.places.in_place(x, a) for x, a in zip(given, arranges, strict=True)
        )
        placed = followed or any(place is not None for place in places)  # or why it cannot be told
        disorder = self._orders.problem(*given, placed=placed)
        for x, arrange in zip(given, arranges, strict=True):
            if disorder is None and isinstance(x, Tensor):
                disorder = self.places.problem(x, arrange)
        one = isinstance(given[0], Tensor) and call.queries.dim() == 4 and call.queries.shape[2] == 1
        is_learned = not queries & ~RANDOM or (one and self.places.are_latents(given[0], arranges[0]))
        if self._in_sight and keys & ~RANDOM and is_learned:  # of neither, both went out of sight
            self._of_latents.add(call.name)
        if disorder is None and self._is_of_latents(call, queries, keys):
            disorder = LATENTS
        beside = call.beside
        if self._sides == 1 and isinstance(given[0], Tensor) and self.places.in_place(given[0], arranges[0]):
            found = self.places.beside(given[1], arranges[1]) if isinstance(given[1], Tensor) else None
            beside = (
                beside if found is None else found if beside is None else (found[0] + beside[0], found[1] + beside[1])
            )
        sources = (queries & RANDOM if is_learned else queries, keys, attention)
        return dataclasses.replace(
            call, sources=sources, places=(places[0], places[1]), disorder=disorder, beside=beside
        )

    def with_all_heads(self, name: str, arrange: Arrange) -> Arrange:
        """`arrange`, which brings the outputs of the attention `name` to its form, with a head of its own for each."""
        unfold = self._unfolds.get(name)
        return arrange if unfold is None else unfold.behind(arrange)

    def look_at_values(self, name: str, values: Tensor, arrange: Arrange) -> None:
        """Refuse an attention whose values are of other tokens than its keys."""
        placed = self.patches.places(values, arrange)
        why = self._orders.problem(values, placed=placed is not None or self.places.in_place(values, arrange))
        why = why or self.places.problem(values, arrange)
        if why is not None:
            self._observer.refuse(name, _VALUES.format(why))

    def look_at_output(self, name: str, output: Tensor) -> None:
        """`output` is what the attention `name` gives: of latents that attend to tokens it is latents."""
        if name in self._of_latents:
            self.places.are_none(output)

    def attention(self, name: str) -> int:
        """The set of sources that holds this attention alone."""
        return self._attentions.get(name, 0)

    def is_made_by(self, name: str, x: Tensor) -> bool:
        """Whether the attention `name` had a part in `x`."""
        return bool(self.sources.of(x) & self.attention(name))

    def is_made_of_inputs(self, x: Tensor) -> bool:
        """Whether inputs had a part in `x`."""
        return self.sources.of(x) & ~RANDOM != 0

    def _is_of_latents(self, call: AttentionCall, queries: int, keys: int) -> bool:
        """Whether just one of the two is made of inputs, where the probe names one side, and widths do not tell."""
        widths = {call.queries.shape[2], call.keys.shape[2]} if call.queries.dim() == call.keys.dim() == 4 else {-1}
        one = bool(queries & ~RANDOM) != bool(keys & ~RANDOM)
        return self._in_sight and one and self._sides == 1 and widths <= self._observer.widths
