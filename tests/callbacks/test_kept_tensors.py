"""What a pass writes to tensors past their version counters, or in the place of their memory, is undone."""

import pytest
import torch
from torch import nn

from tb_attnviz.callbacks.capture.neutral import undisturbed


class Writing(nn.Module):
    """Does something with one of its tensors in each pass."""

    def __init__(self, write):
        super().__init__()
        self.write = write
        self.weight = nn.Parameter(torch.tensor([1.0, -0.0, torch.nan]))
        self.register_buffer("average", torch.tensor([1.0, -0.0, torch.nan]))
        self.own = torch.tensor([1.0, -0.0, torch.nan])
        self.held = [{"deep": torch.tensor([1.0, -0.0, torch.nan])}]

    def forward(self):
        for x in (self.weight, self.average, self.own, self.held[0]["deep"]):
            self.write(x)


def _by_numpy(x):
    x.detach().numpy()[:] = 7


def _swapped(x):
    x.data = torch.ones(5)


def _swapped_and_written(x):
    x.data.fill_(2)
    x.data = x.data.double()


WRITES = {
    "data, in place": lambda x: x.data.mul_(0.5).add_(1),
    "a sign of zero": lambda x: x.data.neg_(),
    "NumPy": _by_numpy,
    "other memory": _swapped,
    "other memory, and this one": _swapped_and_written,
    "another size": lambda x: x.data.resize_(2).fill_(1),
    "without gradients": lambda x: x.detach().add_(1),
}


@pytest.mark.parametrize("name", WRITES)
def test_tensors_are_as_before_bit_for_bit_wherever_they_are_held(name):
    model = Writing(WRITES[name])
    tensors = (model.weight, model.average, model.own, model.held[0]["deep"])
    before = [(x.data_ptr(), x.detach().clone()) for x in tensors]
    for _ in range(2):
        with undisturbed(model):
            model()
    after = (model.weight, model.average, model.own, model.held[0]["deep"])
    for x, was, (place, content) in zip(after, tensors, before, strict=True):
        assert x is was
        assert x.data_ptr() == place
        assert torch.equal(x.detach().view(torch.int32), content.view(torch.int32))


def test_tensors_that_nothing_is_written_to_are_left_alone():
    model = Writing(lambda x: None)
    versions = [x._version for x in (model.weight, model.average, model.own)]
    with undisturbed(model):
        model()
    assert [x._version for x in (model.weight, model.average, model.own)] == versions


def test_a_view_of_some_columns_is_kept_too():
    model = Writing(lambda x: None)
    model.columns, model.column = torch.zeros(4, 4)[:, ::2], torch.zeros(4, 4)[:, 1]
    model.write = lambda x: (model.columns.data.add_(1), model.column.data.add_(1))
    with undisturbed(model):
        model()
    assert not torch.cat([model.columns[:, 0], model.column]).any()


def test_what_other_processes_write_to_shared_tensors_stays():
    model = Writing(lambda x: x.data.fill_(3))  # by another process, say
    model.share_memory()
    with undisturbed(model):
        model()
    assert (model.weight == 3).all()
    assert (model.average == 3).all()
