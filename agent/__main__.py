"""`python -m agent` is `driftline`."""

from agent.cli import main

main()
