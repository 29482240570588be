"""A real collapse: the learning rate of a small model grows until it is far too high."""

import pytest
import torch

from benchmarks.collapse import train

pytestmark = pytest.mark.full


def test_the_alert_comes_before_the_loss_is_lost() -> None:
    torch.set_num_threads(1)
    outcome = train(0)
    assert outcome.lost is not None
    assert outcome.alert is not None
    assert outcome.alert.rule in ("max_logit", "entropy")
    assert outcome.alert.step < outcome.lost


def test_sound_training_raises_no_alert_has_no_head_in_trouble_and_keeps_its_loss() -> None:
    torch.set_num_threads(1)
    outcome = train(0, growth=1)
    assert outcome.alert is None
    assert outcome.trouble == ()
    assert outcome.lost is None
