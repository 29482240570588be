"""What a vision transformer says of its patches: their size, and the tokens before them."""

from typing import Any

from torch import nn

_NAMES = {
    ("cls_token", "class_token", "class_embedding"): "[CLS]",
    ("distillation_token", "dist_token"): "[DIST]",
    ("register_tokens", "reg_token"): "[REG{}]",
}


def patch_size(model: nn.Module) -> int | tuple[int, int] | None:
    """In pixels, as the model's configuration or the first of its modules that has it says; None if none does."""
    for holder in (getattr(model, "config", None), *model.modules()):
        size: Any = getattr(holder, "patch_size", None)
        if isinstance(size, int):
            return size
        if isinstance(size, (tuple, list)) and len(size) == 2:
            return int(size[0]), int(size[1])
    return None


def special_tokens(model: nn.Module) -> tuple[str, ...]:
    """The tokens before the patches, by the names of the parameters that transformers, timm and torchvision give them.

    Registers ([1, registers, d]) are counted from 1.
    """
    parameters = {name.rsplit(".", 1)[-1]: parameter for name, parameter in model.named_parameters()}
    found: list[str] = []
    for names, token in _NAMES.items():
        parameter = next((parameters[name] for name in names if name in parameters), None)
        if parameter is not None:
            count = parameter.shape[-2] if "{}" in token else 1
            found += [token.format(index + 1) for index in range(count)]
    return tuple(found)
