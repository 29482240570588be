"""Pictures that are exported: their legends, and their light."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import Pixels, Tab
from tests.e2e.test_export import OPENED, differing, menu, taken


def texts(svg: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text())


def legend(tab: Tab, name: str, directory: Path, **state: object) -> tuple[list[str], str]:
    """The texts of a picture, and the picture."""
    tab.page.goto("about:blank")
    tab.open(run="run", **state)
    svg = taken(tab, f"{name} as SVG", directory)
    return texts(svg), svg.read_text()


EMBEDDED = r"data:image/png;base64,([^\"]*)"


def embedded(svg: str) -> list[Pixels]:
    """The pixels within a picture."""
    images = [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(EMBEDDED, svg)]
    return [np.asarray(image.convert("RGBA")).astype(np.int16) for image in images]


def plain(svg: str) -> str:
    """Without the pixels within it, and without the numbers of its clips, which go on from picture to picture."""
    return re.sub(r"\bcut\d+", "cut", re.sub(EMBEDDED, "", svg))


def test_a_picture_says_what_its_colours_and_shapes_are(tab: Tab, tmp_path: Path) -> None:
    found, svg = legend(tab, "Matrix of heads", tmp_path)
    assert {"query", "key"} <= set(found)
    assert "colour: " not in "".join(found)
    assert svg.index("<circle") < svg.index(">query<") < svg.index("<path", svg.index(">query<")) < svg.index(">key<")

    found, _ = legend(tab, "Matrix of heads", tmp_path, colour="label:part of speech", tint="entropy", find="sky,zzz")
    assert {"query", "key", "colour: part of speech", "found: sky", "tint: Entropy"} <= set(found)
    assert {"DET", "NOUN", "VERB", "ADJ", "ADV"} <= set(found)
    ends = [float(text.replace("−", "-").rstrip(" %")) for text in found[found.index("tint: Entropy") + 1 :][:2]]
    assert ends == pytest.approx([-20, 100], abs=1)  # the figures of write_checkpoint, over all steps

    # A figure's range is each head's own: no number holds for all of them.
    found, svg = legend(tab, "Matrix of heads", tmp_path, colour="norm", border="entropy", layer=0, head=2)
    norm = next(text for text in found if text.startswith("colour: "))
    assert found[found.index(norm) + 1 :][:2] == ["low", "high"]
    assert any(text.startswith("Every head has its own range") for text in found)
    assert "border: Entropy" in found
    assert svg.count("<linearGradient") >= 2
    found, _ = legend(tab, "Head view", tmp_path, colour="norm", layer=0, head=2)
    low, high = (float(text) for text in found[found.index(norm) + 1 :][:2])
    assert 0 < low < high

    compared = {"against": "run", "against_step": 0, "way": "difference"}
    found, _ = legend(tab, "Matrix of heads", tmp_path, step=300, tint="entropy", **compared)
    assert found[found.index("difference: Entropy") + 1 :][:2] == ["−30 %", "+30 %"]
    assert "tint: Entropy" not in found


def test_pictures_are_light_whatever_the_theme(tab: Tab, tmp_path: Path) -> None:
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    tab.open(**OPENED, tint="entropy", colour="position", form="map")
    names = [
        button.get_attribute("aria-label") or "" for button in menu(tab).get_by_role("button", name="as SVG").all()
    ]
    assert len(names) == 5
    pictures = [name.removesuffix(" as SVG") for name in names]
    (tmp_path / "light").mkdir()
    (tmp_path / "dark").mkdir()

    def all_of(theme: str) -> list[tuple[str, Path]]:
        kept = []
        for name in pictures:
            svg, png = (taken(tab, f"{name} as {kind}", tmp_path / theme) for kind in ("SVG", "PNG"))
            kept.append((svg.read_text(), png))
        return kept

    light = all_of("light")
    tab.darken()
    tab.ready()
    dark = all_of("dark")
    for name, (svg, png), (same, as_png) in zip(pictures, light, dark, strict=True):
        assert 'height="100%" fill="#ffffff"' in same, name
        assert plain(same) == plain(svg), name
        for one, other in zip(embedded(svg), embedded(same), strict=True):
            np.testing.assert_allclose(one, other, atol=2, err_msg=name)
        pixels = [np.asarray(Image.open(path).convert("RGB")).astype(np.int16) for path in (png, as_png)]
        assert differing(*pixels) < 0.001, name
    surface = tab.frame.get_by_test_id("attnviz").evaluate("app => getComputedStyle(app).backgroundColor")
    assert surface == "rgb(48, 48, 48)"  # the page itself stays dark
