"""Probes: prepares what a model is shown, and what its tokens are called."""
