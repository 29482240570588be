"""One recorded run, read lazily: `open_run`, and the `Run` it gives."""

from tb_attnviz.run.recorded_run import NotRecordedError
from tb_attnviz.run.run import Run, open_run, readable

__all__ = ["NotRecordedError", "Run", "open_run", "readable"]
