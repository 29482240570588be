"""Named generators: torch.Generators that operations of the pass are given, wherever the model holds them."""

import contextlib

import torch


class NamedGenerators:
    """Starts each of them from its beginning when it is first met; `open` puts all back in the end."""

    def __init__(self, open_pass: contextlib.ExitStack) -> None:
        self._met: dict[int, torch.Generator] = {}
        self._open = open_pass

    def meet(self, generator: object) -> None:
        """It starts from its own seed: one is among them that the pass has just made and seeded."""
        if isinstance(generator, torch.Generator) and id(generator) not in self._met and not _is_global(generator):
            self._met[id(generator)] = generator
            self._open.callback(generator.set_state, generator.get_state())
            generator.manual_seed(generator.initial_seed())


def _is_global(generator: torch.Generator) -> bool:
    """Whether it is one of PyTorch's own, which every pass starts with (`neutral`)."""
    return any(generator is one for one in (torch.default_generator, *torch.cuda.default_generators))
