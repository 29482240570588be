"""AtCheckpoints: something of each checkpoint, found when it is asked for: a run may have tens of thousands of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from tb_attnviz.events import Checkpoint

T = TypeVar("T")


class AtCheckpoints(Mapping[int, T]):
    """Step → what `of` gives for its checkpoint. `steps`: those that it has, ascending; a dict in another process."""

    def __init__(
        self, checkpoints: Mapping[int, Checkpoint], steps: Sequence[int], of: Callable[[Checkpoint], T]
    ) -> None:
        self._checkpoints = checkpoints
        self._steps = steps
        self._of = of

    def __getitem__(self, step: int) -> T:
        return self._of(self._checkpoints[step])

    def __iter__(self) -> Iterator[int]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)
