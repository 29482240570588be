"""Scalars of a page: those that TensorBoard shows of the run."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from tb_attnviz.export.scalars import read_scalars


def test_scalars_that_a_restart_took_back_are_not_in_the_page(tmp_path: Path) -> None:
    for purge_step, losses in ((None, {0: 4.0, 5: 3.0, 9: 2.0}), (5, {6: 1.0})):
        with SummaryWriter(str(tmp_path), purge_step=purge_step, filename_suffix=f".{purge_step}") as writer:
            for step, value in losses.items():
                writer.add_scalar("loss", value, step)
                if purge_step is None and step:
                    writer.add_scalar("only before", value, step)
    assert read_scalars(str(tmp_path)) == {"loss": [(0, 4.0), (6, 1.0)]}
    known = EventAccumulator(str(tmp_path))
    known.Reload()
    assert [(event.step, event.value) for event in known.Scalars("loss")] == [(0, 4.0), (6, 1.0)]
