"""A small vision transformer learns to paint hidden patches: watch heads turn to rows, columns and brightness.

python -m demo.vision
"""

from pathlib import Path

from demo import stage


def main() -> None:
    stage.perform("vision", _train, description="Train a small vision transformer on photographs.", steps=600)


def _train(directory: Path, steps: int) -> None:
    from demo.vision_training import train  # torch takes seconds to import: within the stage, as Ctrl-C may come

    train(directory, steps)


if __name__ == "__main__":
    main()
