"""Load for some seconds: nobody is refused, and TensorBoard has no more threads and descriptors at the end."""

import pytest

from benchmarks.load import Load, bear


@pytest.mark.first
def test_many_clients_scrub_while_checkpoints_arrive() -> None:
    seen = bear(Load(seconds=5, clients=6, runs=8, checkpoints=60, gigabytes=5))
    assert not seen.failed
    assert len(seen.waits) > 20
    first, last = seen.settled[0], seen.settled[-1]
    assert last.threads <= first.threads + 12  # one a connection that is open at that moment
    assert last.descriptors <= first.descriptors + 24
    assert last.megabytes <= first.megabytes + 60
