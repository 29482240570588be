"""A real pretrained model, fine-tuned with the Hugging Face Trainer: watch how its heads change.

python -m demo.finetune_minilm
"""

from pathlib import Path

from demo import stage


def main() -> None:
    stage.perform("minilm", _train, description="Fine-tune MiniLM with the Hugging Face Trainer.", steps=120)


def _train(directory: Path, steps: int) -> None:
    from demo.minilm_training import train  # torch takes seconds to import: within the stage, as Ctrl-C may come

    train(directory, steps)


if __name__ == "__main__":
    main()
