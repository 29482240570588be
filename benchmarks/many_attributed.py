"""What it costs to ask which of 80 × 64 heads matter, which feed which, what they follow, and which changed.

    python -m benchmarks.many_attributed --write

The model is a decoder of narrow heads in random weights, so that one thread can bear it; costs are processor time of
that thread. What takes a pass a head is measured for the heads of one layer in the middle, times the number of layers.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from benchmarks import page
from benchmarks.importance import seconds
from benchmarks.long_runs import write_run
from benchmarks.recordings import quiet
from demo.decoder import Decoder
from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.attribution.attribution import few
from tb_attnviz.callbacks.attribution.connections import connections, passes
from tb_attnviz.callbacks.attribution.importance import exact, first_order, halfway
from tb_attnviz.callbacks.attribution.shown import Shown
from tb_attnviz.callbacks.capture import capture
from tb_attnviz.run import open_run

LAYERS, HEADS, HEAD_DIM = 80, 64, 8
SEQUENCES, TOKENS = 8, 16
RELATIONS = 4
STEPS = 60


def of_the_model(layers: int, heads: int) -> list[list[str]]:
    """What is asked of the model, the passes that it takes, and what they cost in bare passes of the probe."""
    torch.manual_seed(0)
    model = Decoder(100, width=heads * HEAD_DIM, heads=heads, layers=layers, longest=TOKENS)
    ids = torch.randint(100, (SEQUENCES, TOKENS))
    probe = Probe(ids, [[str(token) for token in row] for row in ids.tolist()])
    chain = [[(token, token - 1) for token in range(1, TOKENS)]] * SEQUENCES
    related = probe.with_relations({f"relation {number}": chain for number in range(RELATIONS)})
    shown = Shown(model, probe, nn.Module.__call__, SEQUENCES, loss="auto", is_decoder=True)
    some = dataclasses.replace(shown, probe=few(probe), loss=None)
    of = capture(model, probe, health=False).layers
    middle, means = of[layers // 2], first_order(shown, of).means
    [batch] = shown.batches()
    with torch.no_grad():
        bare = seconds(lambda: model(*batch.args, **batch.kwargs), repetitions=5)
    figures = seconds(lambda: capture(model, probe))
    weighing = seconds(lambda: halfway(shown, of, first_order(shown, of).means), repetitions=1)
    ablating = layers * seconds(lambda: exact(shown, [middle], means), repetitions=1)
    connecting = (layers - 1) * seconds(lambda: connections(some, [of[0], middle]), repetitions=1)
    following = seconds(lambda: capture(model, related)) - figures
    return [
        ["figures and maps", "1 pass", f"{figures / bare:.2f}"],
        ["`importance`", f"{layers + 1} backward", f"{weighing / bare:,.0f}"],
        ["`importance_exact`", f"{layers * heads + 1:,} passes", f"{ablating / bare:,.0f}"],
        ["connections", f"{passes(of):,} backward", f"{connecting / bare:,.0f}"],
        [f"{RELATIONS} relations, beside figures", "none", f"{following / bare:.2f}"],
    ]


def of_the_run(steps: int, heads: int) -> list[list[str]]:
    """What is asked of a recorded run that has been opened, and seconds."""
    with tempfile.TemporaryDirectory() as directory:
        write_run(Path(directory), steps, heads)
        run = open_run(directory)
        asked: dict[str, Callable[[], object]] = {
            "`run.findings()`": run.findings,
            "`run.changes(step, since)`, without maps": lambda: run.changes(run.steps[-1], run.steps[0]),
            "`run.change_points()`": run.change_points,
        }
        return [[title, f"{seconds(work, repetitions=1):.2f} s"] for title, work in asked.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 × 8 heads, to see that it works")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    quiet()
    torch.set_num_threads(1)
    layers, heads = (4, 8) if arguments.quick else (LAYERS, HEADS)
    header = f"{page.machine('torch', 'numpy')}. {layers} × {heads} heads of {HEAD_DIM}, {SEQUENCES} × {TOKENS} tokens."
    model = page.table(["asked at a checkpoint", "takes", "÷ bare pass"], of_the_model(layers, heads))
    run = page.table([f"asked of {STEPS} steps", "processor time"], of_the_run(STEPS, layers * heads))
    text = f"{header}\n\n{model}\n\n{run}"
    if arguments.write:
        page.write("many attributed", text)
    print(text)


if __name__ == "__main__":
    main()
