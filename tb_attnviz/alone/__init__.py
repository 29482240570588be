"""The Attention tab by itself, in a browser or a notebook: TensorBoard's own server with this plugin alone."""
