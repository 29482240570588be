"""What is known of tensors is known of each by itself, and forgotten with it."""

import weakref

import pytest
import torch

from tb_attnviz.callbacks.tracing.of_tensors import OfTensors


def test_equal_tensors_and_views_are_told_apart():
    one, other = torch.zeros(3), torch.zeros(3)
    of = OfTensors()
    assert not of
    of[one], of[other] = "one", "other"
    assert (of[one], of[other]) == ("one", "other")
    assert of.get(one.view(3)) is None
    assert of.get("no tensor", 0) == 0
    assert one.view(3) not in of
    of[one] = "again"
    assert of[one] == "again"
    del of[one]
    assert one not in of
    with pytest.raises(KeyError):
        of[one]
    assert of[other] == "other"


def test_a_tensor_is_not_kept_and_its_number_may_be_another_ones():
    of = OfTensors()
    for round in range(100):
        x = torch.zeros(3)
        assert x not in of, "most often in the place of the one before"
        of[x] = round
        assert of[x] == round
        left = weakref.ref(x)
        del x
        assert left() is None
        assert not of


def test_a_tensor_that_the_graph_of_a_backward_pass_holds_is_known_until_that_lets_go():
    of = OfTensors()
    x = torch.ones(3, requires_grad=True) * 2
    of[x] = "kept"
    y = x * x  # its backward pass needs x
    number = id(x)
    del x
    (again,) = {y.grad_fn._saved_self}
    assert id(again) == number
    assert of[again] == "kept"
    del again, y
    assert not of


def test_what_is_known_goes_with_who_knows_it():
    x = torch.zeros(3)
    of = OfTensors()
    of[x] = value = OfTensors()
    left = weakref.ref(value)
    del of, value
    assert left() is None
    del x
