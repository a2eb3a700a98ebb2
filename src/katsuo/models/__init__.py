"""Models and engines: the only rooms that know tensors; the road alone opens them."""
