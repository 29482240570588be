"""The zoo: what is recorded of every model equals the model's own eager attention; what is not is refused by name."""

import re
from functools import cache

import pytest
import torch

from tests.callbacks.zoo import OTHER_PACKAGES, PAGE, TOLERANCE, ZOO, page, record

BY_NAME = {animal.name: animal for animal in ZOO}
# One model of each kind is enough for `make test`: the others compute attention as one of them does.
CASES = [
    pytest.param(
        animal.name,
        implementation,
        id=f"{animal.name}, {implementation or 'default'}",
        marks=() if (animal.features or animal.refused) and first else pytest.mark.full,
    )
    for animal in ZOO
    for first, implementation in zip((True, False), animal.implementations, strict=False)
]


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Models so small would only wait for threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def result(name, implementation):
    return record(BY_NAME[name], implementation)


@pytest.mark.parametrize(("name", "implementation"), CASES)
def test_attention_is_the_models_own(name, implementation):
    animal, found = BY_NAME[name], result(name, implementation)
    assert found.layers == animal.layers
    assert found.error <= TOLERANCE
    assert found.spread > 100 * TOLERANCE
    assert found.values == (0 if animal.model == "Tapped" else animal.layers), "Tapped alone shows no values"
    unexpected = dict(found.refused)
    for end, why in animal.refused.items():
        matching = [
            module for module, told in found.refused.items() if module.partition("#")[0].endswith(end) and why in told
        ]
        assert matching, f"nothing that ends in {end!r} was refused because {why!r}: {found.refused}"
        for module in matching:
            unexpected.pop(module, None)
    assert not unexpected


def test_the_zoo_is_large():
    assert len({animal.model for animal in ZOO if not animal.plain and animal.layers}) >= 50
    assert len(BY_NAME) == len(ZOO)


@pytest.mark.full
def test_the_page_lists_the_zoo():
    """All but the errors, whose last digit differs from machine to machine."""
    expected = page(lambda animal, implementation: result(animal.name, implementation))
    assert _without_errors(PAGE.read_text().partition(OTHER_PACKAGES)[0]) == _without_errors(expected)


def _without_errors(text):
    return re.sub(r"\de-\d\d", "x", text)
