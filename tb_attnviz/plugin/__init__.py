"""The TensorBoard plugin: parses requests, has the work done, answers. Import `loader` for its entry point."""
