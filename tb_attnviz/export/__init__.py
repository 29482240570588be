"""Export: one page that shows a run without TensorBoard."""
