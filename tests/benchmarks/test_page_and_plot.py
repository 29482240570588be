"""What the benchmarks write: sections of the page, and a plot."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import page
from benchmarks.plot import Line, log_log


def test_a_section_is_written_anew_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.md"
    path.write_text("# Title\n\n<!-- a -->\nold\n<!-- end -->\n\n<!-- b -->\nkept\n<!-- end -->\n")
    monkeypatch.setattr(page, "PAGE", path)
    page.write("a", "new \\1\nlines")
    assert path.read_text() == "# Title\n\n<!-- a -->\nnew \\1\nlines\n<!-- end -->\n\n<!-- b -->\nkept\n<!-- end -->\n"


@pytest.mark.parametrize("section", ["cost", "cost by length", "projections", "faithfulness", "stillness", "browser"])
def test_the_page_has_every_section(section: str) -> None:
    text = page.PAGE.read_text("utf-8")
    assert text.count(f"<!-- {section} -->") == 1
    assert "<!-- end -->" in text.split(f"<!-- {section} -->")[1]


def test_a_plot_over_logarithmic_axes() -> None:
    lines = [Line("a & b", [(10, 1), (100, 10), (1000, 100)]), Line("c", [(10, 2), (1000, 2)])]
    root = ElementTree.fromstring(log_log(lines, x="points", y="seconds"))
    first, second = (element.attrib["points"] for element in root.iter() if element.tag.endswith("polyline"))
    places = [tuple(map(float, place.split(","))) for place in first.split()]
    (x0, y0), (x1, y1), (x2, y2) = places
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)  # equal factors are equal distances
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert x0 < x1
    assert y0 > y1
    assert len({place.split(",")[1] for place in second.split()}) == 1
    texts = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {"a & b", "c", "points", "seconds", "10", "1,000"} <= texts
