"""The notebooks as pages of the site, with the outputs that they hold: a hook of mkdocs.

A link to `x.ipynb` leads to its page there; the file itself lies beside it.
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

LINK = re.compile(r"(\]\([^)\s]+)\.ipynb\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for notebook in [file for file in files if file.src_uri.endswith(".ipynb")]:
        path = PurePosixPath(notebook.src_uri)
        markdown, pictures = page(json.loads(notebook.content_string), path.stem)
        files.append(File.generated(config, str(path.with_suffix(".md")), content=markdown))
        for name, png in pictures.items():
            files.append(File.generated(config, str(path.with_name(name)), content=png))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    return LINK.sub(r"\1.md)", markdown)


def page(notebook: dict[str, Any], name: str) -> tuple[str, dict[str, bytes]]:
    """Its Markdown, and the pictures that this names: file name → PNG."""
    parts, pictures = [], dict[str, bytes]()
    for number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for kind, content in outputs(cell):
            if kind == "png":
                file = f"{name}-{number}.png"
                pictures[file] = base64.b64decode(content)
                parts.append(f"![What the cell shows]({file})")
            else:
                parts.append(f"```text\n{content}\n```")
    parts.append(f'<a href="{name}.ipynb" download>Download this notebook</a>')
    return "\n\n".join(parts), pictures


def outputs(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            yield "png", data["image/png"]
        elif text := "".join(output.get("text") or data.get("text/plain", "")).rstrip():
            yield "text", text
