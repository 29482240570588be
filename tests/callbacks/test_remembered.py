"""What was made of numbers is made once, and never taken for what was made of others."""

import torch

from tb_attnviz.callbacks.tracing.remembered import Remembered, are_plain


def test_the_same_numbers_and_equal_arguments_are_looked_up():
    remembered, numbers = Remembered(), torch.arange(3)
    made = [remembered.once(lambda: [numbers + 1], "moved", (numbers,), shape) for shape in ((1, 2), (1, 2), (2, 1))]
    assert made[0] is made[1]
    assert made[0] is not made[2]


def test_other_numbers_are_others_also_where_the_first_are_gone():
    remembered = Remembered()
    found = [remembered.once(lambda x=x: int(x), "first", (x,)) for x in map(torch.tensor, range(50))]
    assert found == [*range(50)]


def test_what_is_large_is_not_kept():
    remembered, numbers = Remembered(), torch.zeros(1)
    made = [remembered.once(lambda: [(torch.zeros(2**19), None)], "copied", (numbers,)) for _ in range(2)]
    assert made[0] is not made[1]


def test_tensors_slices_and_lists_are_not_plain():
    assert are_plain((1, "a", None, (2, (3,)), torch.Size([4])))
    assert not any(are_plain((x,)) for x in (torch.tensor(1), slice(1), [1], (torch.tensor(1),), 0.5))
