"""A small decoder learns to copy: watch an induction head form.

python -m demo.induction
"""

from pathlib import Path

from demo import stage


def main() -> None:
    stage.perform("induction", _train, description="Train a small decoder until an induction head forms.", steps=1200)


def _train(directory: Path, steps: int) -> None:
    from demo.induction_training import train  # torch takes seconds to import: within the stage, as Ctrl-C may come

    train(directory, steps)


if __name__ == "__main__":
    main()
