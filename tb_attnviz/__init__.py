"""tb-attnviz: attention while a transformer trains, in TensorBoard.

>>> import tb_attnviz
>>> run = tb_attnviz.open_run("runs/a")
>>> run.attention(step=200, layer=0, head=3, sequence=5)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tb_attnviz.run import NotRecordedError, Run, open_run

__all__ = ["NotRecordedError", "Run", "open_run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Imported on first use: TensorBoard imports this package at its start, and must not pay for it.
    if name in __all__:
        from tb_attnviz import run

        return getattr(run, name)
    raise AttributeError(f"module 'tb_attnviz' has no attribute {name!r}")
