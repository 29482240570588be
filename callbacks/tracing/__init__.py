"""Tracing: sees every attention of a forward pass, however the model computes it."""
