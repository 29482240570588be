"""What gets in: runs that came from anywhere."""

import copy
import json
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING

import tb_attnviz
from tb_attnviz.events import FormatError, Image, ProbeRecord, RunWriter, Sequence
from tb_attnviz.events.event_file import event_file
from tb_attnviz.events.summaries import PLUGIN_NAME
from tb_attnviz.plugin.plugin import AttnVizPlugin
from tests.conftest import LAYERS, PROBE, make_png, serving, wait_until, write_checkpoint
from tests.plugin.conftest import Ask, Client, asking, load


def write_event(directory: Path, tag: str, tensor: TensorProto, *, step: int = 0) -> None:
    """A summary of ours that no writer of ours would write."""
    directory.mkdir(exist_ok=True)
    file = event_file(str(directory))
    event = Event(step=step, wall_time=1.0)
    value = event.summary.value.add(tag=tag, tensor=tensor)
    value.metadata.plugin_data.plugin_name = PLUGIN_NAME
    value.metadata.data_class = 2  # tensors
    file.add_event(event)
    file.close()


def version_1(content: dict[str, Any], **more: Any) -> str:
    """A document without a checksum."""
    return json.dumps({"version": 1, **content, **more})


def document(text: str) -> TensorProto:
    return TensorProto(dtype=DT_STRING, string_val=[text.encode()])


def probe_with(**changed: Any) -> str:
    content = copy.deepcopy(PROBE.to_content())
    content["sequences"][0].update(changed)
    return version_1(content)


class TestRunsFromAnywhere:
    @pytest.fixture
    def ask(self, run_directory: Path, cache: Path) -> Iterator[Ask]:
        """Of a log directory with a good run, `run`, and a `foreign` one that each test makes."""
        plugins: list[AttnVizPlugin] = []

        def ask(*arguments: Any, **options: Any) -> Any:
            if not plugins:
                plugins.append(load(run_directory.parent))
            return asking(plugins[0])(*arguments, **options)

        yield ask
        for plugin in plugins:
            plugin._jobs.close()

    def test_samples_outside_of_the_run_are_not_served(self, ask: Ask, run_directory: Path, tmp_path: Path) -> None:
        secret = next((run_directory / "plugins" / "attnviz").glob("samples-*"))
        foreign = run_directory.parent / "foreign"
        writer = RunWriter(str(foreign))
        writer.begin(0, PROBE, LAYERS)
        write_checkpoint(writer, 0)
        own = next((foreign / "plugins" / "attnviz").glob("samples-*"))
        own.unlink()
        own.symlink_to(secret)
        query = {"run": "foreign", "step": 0, "layer": 0, "head": 0, "sequence": 0}
        for route, more in (("attention", {}), ("points", {"projection": "pca", "dims": 2}), ("similarity", {})):
            answer = ask(route, **query, **more)
            assert (answer.status_code, "leads out of the run" in answer.json["error"]) == (404, True), answer.json
            assert str(tmp_path) not in answer.text
        assert ask("attention", **{**query, "run": "run"}).status_code == 200

    def test_a_checkpoint_that_names_a_file_outside_is_named_itself(self, ask: Ask, run_directory: Path) -> None:
        checkpoint = tb_attnviz.open_run(run_directory).checkpoint(100)
        secret = str(run_directory / "plugins" / "attnviz" / checkpoint.file)
        foreign = run_directory.parent / "foreign"
        write_event(foreign, "attnviz/probe", document(version_1(PROBE.to_content())))
        text = version_1(checkpoint.to_content(()), step=100, file=secret)
        write_event(foreign, "attnviz/checkpoint", document(text), step=100)
        good, bad = listed(ask)
        assert (good["error"], good["steps"]) == (None, [0, 100, 200, 300])
        assert "file must be the name of a samples file of the run" in bad["error"]
        assert "(step 100), of the run 'foreign'" in bad["error"]
        assert ask("attention", run="foreign", step=100, layer=0, head=0, sequence=0).status_code == 404
        with pytest.raises(FormatError, match=r"step 100, events\.out\.tfevents.*, of the run '.*foreign'"):
            tb_attnviz.open_run(foreign)

    def test_pictures_are_pictures(self, ask: Ask, run_directory: Path, tmp_path: Path) -> None:
        name, png = make_png(8, 4)
        other, _ = make_png(8, 4, shade=1)
        foreign = run_directory.parent / "foreign"
        writer = RunWriter(str(foreign))
        images = (Image(name, 8, 4), Image(other, 8, 4))
        writer.begin(0, ProbeRecord(tuple(Sequence(("a",), "image", image=image) for image in images)), LAYERS)
        folder = foreign / "plugins" / "attnviz"
        (folder / name).write_bytes(png)
        (folder / other).symlink_to("/etc/passwd")
        assert ask("image", run="foreign", sequence=0).data == png
        answer = ask("image", run="foreign", sequence=1)
        assert (answer.status_code, answer.content_type) == (404, "application/json")
        (folder / other).unlink()
        shutil.copy("/etc/passwd", folder / other)
        answer = ask("image", run="foreign", sequence=1)
        assert (answer.status_code, answer.json) == (404, {"error": f"{other} is no PNG"})
        (folder / other).unlink()
        os.mkfifo(folder / other)
        answer = ask("image", run="foreign", sequence=1)
        assert (answer.status_code, answer.json) == (404, {"error": f"{other} is a fifo: it is not read"})
        (folder / other).unlink()
        answer = ask("image", run="foreign", sequence=1)
        gone = "the image of sequence 1 is gone from the log directory"
        assert (answer.status_code, answer.json) == (404, {"error": gone})

    @pytest.mark.parametrize(
        ("tag", "tensor", "sentence"),
        [
            ("attnviz/probe", document(probe_with(grid={"rows": 30_000, "columns": 30_000})), "grid.rows must be"),
            ("attnviz/probe", document(probe_with(grid={"rows": 4000, "columns": 4000})), "no more patches than"),
            ("attnviz/probe", document('{"version":1,"sequences":' + "[" * 100_000), "nested too deeply"),
            ("attnviz/probe", TensorProto(dtype=DT_FLOAT, float_val=[1.0]), "a document is no text"),
            ("attnviz/probe", TensorProto(dtype=DT_STRING, string_val=[b"\xff"]), "a document is not UTF-8"),
            (
                "attnviz/layers",
                document('{"version":1,"layers":[{"name":"a","heads":1e9}]}'),
                "layers[0].heads must be",
            ),
        ],
    )
    def test_a_run_that_cannot_be_is_listed_with_its_error(
        self, ask: Ask, run_directory: Path, tag: str, tensor: TensorProto, sentence: str
    ) -> None:
        write_event(run_directory.parent / "foreign", tag, tensor)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        good, bad = listed(ask)
        assert good["error"] is None
        assert sentence in bad["error"]
        assert ask("probe", run="foreign").status_code == 404
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def listed(ask: Ask) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entries of `run` and of `foreign`."""
    entries = {entry["run"]: entry for entry in ask("runs").json["runs"]}
    return entries["run"], entries["foreign"]


@pytest.mark.parametrize("loader", ["--load_fast=false", "--load_fast=true"])
def test_a_tensor_larger_than_its_bytes_costs_its_step_alone(run_directory: Path, loader: str) -> None:
    bomb = TensorProto(dtype=DT_FLOAT, float_val=[1.0])
    for size in (30_000, 3_000_000):  # 360 GB
        bomb.tensor_shape.dim.add(size=size)
    write_event(run_directory, "attnviz/health/entropy", bomb, step=250)
    with serving(loader, f"--logdir={run_directory.parent}") as address:
        client = Client(address)
        wait_until(lambda: client.json("runs")["runs"], seconds=60)
        wait_until(lambda: client.json("runs")["runs"][0]["steps"] == [0, 100, 200, 300], seconds=60)
        assert client.json("health", run="run")["steps"] == [0, 100, 200, 300]
    assert "a tensor of 90,000,000,000 values holds 1" in tb_attnviz.open_run(run_directory).damaged[0]
