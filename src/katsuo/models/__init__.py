"""Models and engines: the only rooms that know tensors; the road alone opens them."""

from katsuo.privacy import switch_telemetry_off

switch_telemetry_off()  # before any engine of these rooms is imported
