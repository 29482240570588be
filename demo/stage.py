"""The frame of a demo: its options, TensorBoard beside it, and an end without a trace, whenever Ctrl-C comes.

Imports nothing heavy: torch takes seconds, and Ctrl-C may come then too.
"""

import argparse
import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from demo.tensorboard_server import tensorboard

_RUNS = Path(__file__).parent / "runs"


def perform(name: str, train: Callable[[Path, int], None], *, description: str, steps: int) -> None:
    """Run `train(directory of a new run, steps)` with TensorBoard beside it, which stays until Ctrl-C."""
    options = _options(description, steps)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _interrupt)
    directory = options.logdir / f"{name}-{time.strftime('%m%d-%H%M%S')}"
    try:
        with (
            tensorboard(options.logdir, port=options.port)
            if options.tensorboard
            else contextlib.nullcontext() as address
        ):
            if address:
                print(f"TensorBoard is at {address} (run {directory.name})\n", flush=True)
            train(directory, options.steps)
            if address and not options.exit_when_done:
                print(f"\nTensorBoard stays at {address} until Ctrl-C.", flush=True)
                while True:
                    time.sleep(3600)
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; not within a finalizer, where Python would drop it, but a moment later."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            signal.setitimer(signal.ITIMER_REAL, 0.05)  # its SIGALRM comes here again
            return
        frame = frame.f_back
    raise KeyboardInterrupt


def _options(description: str, steps: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steps", type=int, default=steps, help="training steps (default: %(default)s)")
    parser.add_argument("--logdir", type=Path, default=_RUNS, help="where runs are kept (default: demo/runs)")
    parser.add_argument("--port", type=int, help="of TensorBoard (default: the first free one from 6006 on)")
    parser.add_argument("--no-tensorboard", dest="tensorboard", action="store_false", help="train only")
    parser.add_argument("--exit-when-done", action="store_true", help="end TensorBoard after training")
    return parser.parse_args()
