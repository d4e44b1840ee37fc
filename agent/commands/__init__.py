"""One file a command of `driftline`; each has a click command named `command`. See the table in `agent.cli`."""
