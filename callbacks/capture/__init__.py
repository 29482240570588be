"""Capture: judges each attention that a pass over the probe shows, and keeps what can be recorded."""

from .recording import NoAttentionError, Recording, capture

__all__ = ["NoAttentionError", "Recording", "capture"]
