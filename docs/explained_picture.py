"""The README's picture: the tab in the light, with what its parts show written into it (part of `make pictures`)."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

IMAGES = Path(__file__).parent / "images"
INK, PAPER = "#b91c1c", "#ffffff"
SIZE = 19  # of the letters, in pixels of a picture 1,680 wide

# The words, where their box's corner lies, and where the arrow points: in pixels of the picture.
NOTES = (
    (
        "A cell is a head: layers down, heads across.\nGreen: queries. Pink: keys, in the same space.",
        (60, 148),
        (220, 262),
    ),
    (
        "Blue is the figure that you choose, here induction.\nThe curve is its value over the training.",
        (30, 800),
        (238, 566),
    ),
    ("One head, large, and below it\nhow far its picture can be trusted.", (915, 180), (1000, 330)),
    ("This query gives 93 % of its attention to\nthe token that came next the first time.", (1275, 800), (1390, 765)),
    ("Drag through the training; the loss is drawn above.", (900, 860), (1000, 921)),
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
        few = explain(picture).quantize(256, dither=Image.Dither.NONE)
    few.save(IMAGES / "tab-explained.png", optimize=True)


if __name__ == "__main__":
    main()
