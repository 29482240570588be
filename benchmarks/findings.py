"""Are heads called what they are? Heads built by hand, through a scripted training, under the limits of `findings`.

    python -m benchmarks.findings --write

The limits were chosen on the settings under CHOSEN; what is reported is of HELD_OUT, which has other tokens, lengths,
random logits and sharpness. A head counts at each step at which the script has it wholly be, or wholly not be, what is
planted: a kind that it is called and is not is a false positive, one that it is and is not called a false negative.
"Broadly" is no claim and does not count.
"""

import argparse
import dataclasses
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks import page
from benchmarks.built_heads import FADING, FORMED, FORMING, GONE, Planted, Setting, record, strength
from tb_attnviz.findings import Finding
from tb_attnviz.run import Run


@dataclasses.dataclass(frozen=True)
class Trial:
    """Heads of all these shares in all these settings."""

    shares: tuple[float, ...]
    settings: tuple[Setting, ...]


CHOSEN = Trial(
    (0.55, 0.7, 0.85, 0.97),
    (
        Setting(length=36, causal=True, periods=(8, 11, 14), seed=1),
        Setting(length=36, causal=False, seed=2),
        Setting(length=37, causal=False, grid=(6, 6), seed=3),
    ),
)
HELD_OUT = Trial(
    (0.5, 0.6, 0.75, 0.9),
    (
        Setting(length=44, causal=True, periods=(10, 13), texts=7, seed=101),
        Setting(length=30, causal=True, periods=(7, 9, 12), texts=6, seed=102),
        Setting(length=28, causal=False, texts=9, seed=103),
        Setting(length=50, causal=False, texts=6, seed=104),
        Setting(length=50, causal=False, grid=(7, 7), texts=6, seed=105),
        Setting(length=41, causal=False, grid=(5, 8), texts=8, seed=106),
    ),
)
PAGE = Path(__file__).parents[1] / "docs" / "findings.md"
_SAME = {"duplicate": "same token", "same_token": "same token"}  # two ways to see one thing
_LEFT_BEHIND = 1200  # from when on a head that has not moved counts as left behind: three times what others took
_UNSHARED = ("dead", "unchanged", "uniform", "broad")  # kinds of no share


@dataclasses.dataclass
class Counted:
    """Heads at steps, by what they were called."""

    right: Counter[str] = dataclasses.field(default_factory=Counter)
    wrong: Counter[str] = dataclasses.field(default_factory=Counter)
    missed: Counter[str] = dataclasses.field(default_factory=Counter)
    since: Counter[bool] = dataclasses.field(default_factory=Counter)  # whether a kind's beginning and end are right
    mistakes: Counter[tuple[str, str, float]] = dataclasses.field(default_factory=Counter)

    def precision(self, kinds: Iterable[str] | None = None) -> float:
        return _share(self.right, self.wrong, kinds)

    def recall(self, kinds: Iterable[str] | None = None) -> float:
        return _share(self.right, self.missed, kinds)


def heads_for(setting: Setting, shares: Iterable[float]) -> list[Planted]:
    """Two heads and more of every kind that the setting can show, weak ones, and such without a name."""
    heads = [Planted(kind, 1) for kind in _UNSHARED for _ in range(2)] + [Planted("", 1)] * 6
    heads += [Planted("", 1), Planted("copy", 1), Planted("", 1), Planted("copy", 1)]
    for share in shares:
        kinds: list[tuple[str, int | tuple[int, int]]] = [("first", 0), ("self", 0)]
        if share > 0.75:  # of all queries: less is no collapse
            kinds.append(("collapsed", 0))
        if setting.grid is not None:
            kinds += [("row", 0), ("column", 0), ("patch", (0, 1)), ("patch", (-1, 0)), ("label", 0), ("local", 0)]
        else:
            kinds += [("previous", 0), ("fixed", -5), ("fixed", -2), ("delimiter", 0), ("punctuation", 0), ("local", 0)]
            kinds += [("same token", 0)]
            kinds += [("next", 0), ("fixed", 3)] if not setting.causal else []
            kinds += [("induction", 0)] * 2 if setting.periods else []
        heads += [Planted(kind, share, offset=offset) for kind, offset in kinds if share >= 0.6 or kind != "local"]
        heads += [Planted(kind, 0.15, weak=True, offset=offset) for kind, offset in kinds[:4] if share < 0.6]
    return heads


def count(run: Run, heads: list[Planted], counted: Counted) -> None:
    places = [(index, head) for index, layer in enumerate(run.layers) for head in range(layer.heads)]
    spans: dict[tuple[int, str], set[int]] = {}
    for step in run.health_steps:
        found: dict[tuple[int, int], set[str]] = {}
        for finding in run.findings(step):
            found.setdefault((finding.layer, finding.head), set()).add(_kind(finding))
            spans.setdefault((places.index((finding.layer, finding.head)), _kind(finding)), set()).add(step)
        for number, (place, head) in enumerate(zip(places, heads, strict=True)):
            if (be := strength(step)) not in (0, 1):
                continue
            called = found.get(place, set()) - {"broad"}
            truth = {head.kind} if be == 1 and head.kind and not head.weak else set()
            if be == 1 and number + 1 < len(heads) and heads[number + 1].kind == "copy":
                truth = {"copy"}  # of the next one
            if head.kind == "broad":
                truth = set()
            if head.kind == "unchanged":
                truth = {"unchanged"} if be == 1 and step >= _LEFT_BEHIND else called & {"unchanged"}
            for kind in called & truth:
                counted.right[kind] += 1
            for kind in called - truth:
                counted.wrong[kind] += 1
                counted.mistakes[head.kind, f"+{kind}", head.share] += 1
            for kind in truth - called:
                counted.missed[kind] += 1
                counted.mistakes[head.kind, f"-{kind}", head.share] += 1
    for (number, kind), steps in spans.items():
        if kind == heads[number].kind and kind not in ("unchanged", "broad", "copy"):
            counted.since[FORMING < min(steps) <= FORMED and FADING <= max(steps) < GONE] += 1


def measure(trial: Trial) -> Counted:
    counted = Counted()
    for setting in trial.settings:
        heads = heads_for(setting, trial.shares)
        with tempfile.TemporaryDirectory() as directory:
            count(record(heads, setting, Path(directory)), heads, counted)
    return counted


def _kind(finding: Finding) -> str:
    return _SAME.get(finding.kind, finding.kind)


def _share(right: Counter[str], others: Counter[str], kinds: Iterable[str] | None) -> float:
    names = {*right, *others} if kinds is None else set(kinds)
    hits, misses = (sum(counter[name] for name in names) for counter in (right, others))
    return hits / (hits + misses) if hits + misses else float("nan")


def report(counted: Counted) -> str:
    rows = [
        [kind, str(counted.right[kind] + counted.missed[kind])]
        + [f"{share:.3f}" for share in (counted.precision([kind]), counted.recall([kind]))]
        for kind in sorted({*counted.right, *counted.wrong, *counted.missed})
    ]
    whole = str(counted.right.total() + counted.missed.total())
    rows.append(["all", whole, f"{counted.precision():.3f}", f"{counted.recall():.3f}"])
    table = page.table(["kind", "heads × steps", "precision", "recall"], rows)
    ends = counted.since[True] / max(1, counted.since.total())
    return (
        f"{table}\n\nBeginning and end fall where the script has them in {ends:.1%} of {counted.since.total()} spans."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chosen", action="store_true", help="the settings that the limits were chosen on")
    parser.add_argument("--write", action="store_true", help="put the table into docs/findings.md")
    arguments = parser.parse_args()
    counted = measure(CHOSEN if arguments.chosen else HELD_OUT)
    text = report(counted)
    if arguments.write:
        page.write("findings", text, PAGE)
    print(text)
    for mistake, times in counted.mistakes.most_common(30):
        print(times, mistake)


if __name__ == "__main__":
    main()
