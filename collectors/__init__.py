"""Where data comes from: the rings that probes write, and the host."""
