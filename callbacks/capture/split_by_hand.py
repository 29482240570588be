"""Split by hand: attentions whose heads a model's own code splits over processes, each of which computes some.

It is told from other models by what the first pass shows: the processes exchange what the attention gives before
another attention takes it, and have other queries, keys or values. Data parallel processes have the same.
"""

import contextlib
from collections.abc import Mapping

import torch
import torch.distributed
from torch.distributed import ProcessGroup

from ..tracing.attention_call import AttentionCall
from ..tracing.exchanges import Exchanges
from .gathered import gathered_call, gathered_texts

_APART = (
    "its heads were the same in all processes when recording began, and are not any more: they are split over them by "
    "the model's own code. Make another recorder, and all are recorded"
)
_ELSEWHERE = "of its heads in process {} of its group: {}"


class SplitByHand:
    """What the passes of a recorder find, one after the other.

    Processes are waited for only where they meet in the model's own exchange of the same results.
    """

    def __init__(self) -> None:
        self.groups: dict[str, ProcessGroup] = {}
        """Attention → the processes that it is compared with."""
        self._joined: set[str] = set()  # of these, those of which each process gives a part
        self._passed_on: set[str] = set()  # of these, those that nothing is exchanged of
        self._is_known = False
        self._split: dict[str, bool] = {}
        self._are_models = False  # processes have weights of their own, also where nothing is exchanged
        self._told: dict[str, None] = {}  # attentions of this pass

    def watching(self, exchanges: Exchanges) -> contextlib.AbstractContextManager[None]:
        """Around a pass: the first one is looked at."""
        self._told = {}
        if self._split:
            self.groups = {name: group for name, group in self.groups.items() if name not in self._passed_on}
        here = torch.distributed.is_available() and torch.distributed.is_initialized()
        if self._is_known or not here or torch.distributed.get_world_size() < 2:
            return contextlib.nullcontext()
        return exchanges.watched()

    def learn(self, exchanges: Exchanges) -> bool:
        """Whether the pass that is over has to be made again, since heads may be split."""
        if self._is_known:
            return False
        self._is_known = True
        self.groups, self._passed_on = dict(exchanges.groups), exchanges.passed_on
        self._joined = exchanges.joined
        if self.groups:
            self.groups |= dict.fromkeys(self._passed_on, next(iter(self.groups.values())))
        return bool(self.groups)

    def is_split(self, name: str) -> bool:
        return self._split.get(name, False)

    def whole(self, name: str, call: AttentionCall | None, device: torch.device) -> AttentionCall | str | None:
        """`call` with all of its heads, or why they cannot be told; None for one that is refused here."""
        group = self.groups.get(name)
        if group is None or name in self._told:
            return call
        self._told[name] = None
        found = gathered_call(call, group, device)
        if found.problem is not None or found.call is None:
            return found.problem
        if name in self._passed_on:
            self._are_models |= found.differ
            return call
        if self._are_models:
            return call
        if self._split.setdefault(name, found.differ or name in self._joined):
            return found.call
        return _APART if found.differ else call

    def refused_elsewhere(self, refused: Mapping[str, str], device: torch.device) -> dict[str, str]:
        """Attention → why another process has refused it in this pass, for those that are split."""
        names = [name for name in self._told if self.is_split(name)]
        found: dict[str, str] = {}
        for group in dict.fromkeys(self.groups[name] for name in names):
            of_group = [name for name in names if self.groups[name] == group]
            texts = gathered_texts([refused.get(name, "") for name in of_group], group, device)
            for rank, of_rank in enumerate(texts):
                for name, why in zip(of_group, of_rank, strict=True):
                    if why and name not in refused:
                        found.setdefault(name, _ELSEWHERE.format(rank, why))
        return found
