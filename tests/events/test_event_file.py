"""EventFile on a disk that is full for a while: what is on it can be read, and it goes on when there is room."""

import subprocess
import sys
from pathlib import Path

from tb_attnviz.events import EventLog
from tests.conftest import PROBE

SCRIPT = """
import resource, sys
from tb_attnviz.events import RunWriter
from tests.conftest import PROBE, write_checkpoint

directory = sys.argv[1]
writer = RunWriter(directory)
writer.write_probe(PROBE, step=0)
write_checkpoint(writer, 0)
for step, limit in ((100, 4_000), (200, 3_001), (300, 1_000_000)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))  # a write past it fails
    try:
        write_checkpoint(writer, step)
    except OSError as error:
        print(step, error.errno)
"""


def test_a_full_disk_costs_what_did_not_fit(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["100", "200"], done.stdout
    records = EventLog(str(tmp_path)).load()
    assert records.probe == PROBE
    assert records.steps == [0, 300]
    assert records.newest.health_steps[0] == 0
    assert records.newest.health_steps[-1] == 300
    left = {path.name for path in (tmp_path / "plugins" / "attnviz").iterdir()}
    assert left == {checkpoint.file for checkpoint in records.checkpoints.values()}, "no half files"
