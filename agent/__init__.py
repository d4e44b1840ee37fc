"""The Driftline agent: one daemon per device that reads what the probes copied, judges it, keeps it and serves it."""

__version__ = "0.1.0"
