"""The on-disk format: what the recorder writes and every reader reads. Nothing else writes or parses it.

Small things (the probe, the layers, where a checkpoint's samples are, health figures) are summaries in the run's
ordinary event file; the samples lie apart, in `<run>/plugins/attnviz/samples-*.events`, one file a checkpoint, so that
TensorBoard never loads them. `docs/format.md` describes both byte by byte.
"""

from tb_attnviz.events.alert_record import Alert, AlertedHead, AlertRecord, Beyond
from tb_attnviz.events.connections import ConnectionCodes, connection_arrays
from tb_attnviz.events.documents import FormatError, VersionError
from tb_attnviz.events.figure_rows import FigureRows
from tb_attnviz.events.figures import FiguresLocation, FiguresLog, read_figures
from tb_attnviz.events.image_files import read_image
from tb_attnviz.events.layers import Layer, Lengths
from tb_attnviz.events.locations import SamplesLocation
from tb_attnviz.events.log import DamagedFileWarning, EventLog
from tb_attnviz.events.maps import AttentionMap, LayerMaps, MapsLocation, encode_maps, read_maps
from tb_attnviz.events.order import Order
from tb_attnviz.events.own_files import maps_changed, steps_of_maps
from tb_attnviz.events.probe_record import Grid, GridLabels, Image, ProbeRecord, Repeat, Sequence, Side
from tb_attnviz.events.said import DamagedError, Said, read_summary
from tb_attnviz.events.samples import Samples, StoredSamples, check_room, read_samples, samples_checksum
from tb_attnviz.events.schema import Checkpoint, Start
from tb_attnviz.events.segment import Segment
from tb_attnviz.events.segments import Records
from tb_attnviz.events.shares import SHARES, is_share
from tb_attnviz.events.summaries import PLUGIN_NAME
from tb_attnviz.events.vectors import Vectors
from tb_attnviz.events.writer import RunWriter

__all__ = [
    "PLUGIN_NAME",
    "SHARES",
    "Alert",
    "AlertRecord",
    "AlertedHead",
    "AttentionMap",
    "Beyond",
    "Checkpoint",
    "ConnectionCodes",
    "DamagedError",
    "DamagedFileWarning",
    "EventLog",
    "FigureRows",
    "FiguresLocation",
    "FiguresLog",
    "FormatError",
    "Grid",
    "GridLabels",
    "Image",
    "Layer",
    "LayerMaps",
    "Lengths",
    "MapsLocation",
    "Order",
    "ProbeRecord",
    "Records",
    "Repeat",
    "RunWriter",
    "Said",
    "Samples",
    "SamplesLocation",
    "Segment",
    "Sequence",
    "Side",
    "Start",
    "StoredSamples",
    "Vectors",
    "VersionError",
    "check_room",
    "connection_arrays",
    "encode_maps",
    "is_share",
    "maps_changed",
    "read_figures",
    "read_image",
    "read_maps",
    "read_samples",
    "read_summary",
    "samples_checksum",
    "steps_of_maps",
]
