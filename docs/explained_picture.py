"""The README's picture: the tab in the light, with what its parts show written into it (part of `make pictures`)."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

IMAGES = Path(__file__).parent / "images"
INK, PAPER = "#b91c1c", "#ffffff"
SIZE = 19  # of the letters, in pixels of a picture 1,680 wide

# The words, where their box's corner lies, and where the arrow points: in pixels of the picture.
NOTES = (
    (
        "A cell is a head: layers down, heads across. It shows\nwho attends to whom: queries down, keys across.",
        (60, 776),
        (220, 738),
    ),
    (
        "Drag through the training: the loss, and above it\nall heads, blue by the figure that you choose.",
        (930, 858),
        (1100, 921),
    ),
    ("Its queries and keys, and\nhow far this can be trusted.", (1405, 560), (1540, 496)),
    ("This query gives nearly all attention to\nthe token that came next the first time.", (1000, 650), (1372, 392)),
)


def explain(picture: Image.Image) -> Image.Image:
    """`picture` with NOTES drawn into it."""
    picture = picture.convert("RGB")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(SIZE)
    for words, corner, target in NOTES:
        left, top, right, bottom = draw.multiline_textbbox(corner, words, font=font, spacing=5)
        box = (left - 10, top - 8, right + 10, bottom + 8)
        start = (min(max(target[0], box[0] + 16), box[2] - 16), box[3] if target[1] > box[3] else box[1])
        draw.line((start, target), fill=INK, width=3)
        draw.circle(target, 5, fill=INK)
        draw.rounded_rectangle(box, 8, fill=PAPER, outline=INK, width=2)
        draw.multiline_text(corner, words, font=font, fill=INK, spacing=5)
    return picture


def main() -> None:
    with Image.open(IMAGES / "tab-light.png") as picture:
        few = explain(picture).quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(IMAGES / "tab-explained.png", optimize=True)


if __name__ == "__main__":
    main()
