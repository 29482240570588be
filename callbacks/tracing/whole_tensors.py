"""Whole tensors: DTensors, of which each process has a part, brought together in all of them."""

import sys

from torch import Tensor


def whole(x: Tensor) -> Tensor:
    """All of a DTensor, without its gradient; any other tensor as it is. All processes have to ask for it together."""
    if "torch.distributed.tensor" not in sys.modules:  # then there are none
        return x
    from torch.distributed.tensor import DTensor

    return x.full_tensor().detach() if isinstance(x, DTensor) else x
