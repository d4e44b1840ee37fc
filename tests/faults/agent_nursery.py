"""Starts agents cheaply: everything is imported once, each agent is a child that goes on from `main`.

Reads lines from stdin, as JSON: {"start": arguments, "root": watched directory, "rules": file, "log": file} makes an
agent under `shim.c` and answers with its pid; {"wait": pid} answers with its wait status.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import NoReturn

import agent.api
import agent.cli
import agent.commands.run_agent
import agent.config
import agent.daemon
import agent.paths
import agent.wiring  # loaded for the children


def become_agent(arguments: list[str], root: str, rules: str, log: str) -> NoReturn:
    """Be an agent from here on."""
    ctypes.CDLL(None).shim_use(root.encode(), None, rules.encode())
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.argv = ["driftline", *arguments]
    try:
        agent.cli.main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    os._exit(0)


def main() -> None:
    """Serve until stdin ends."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer = os.waitpid(order["wait"], 0)[1]
        elif not (answer := os.fork()):
            become_agent(order["start"], order["root"], order["rules"], order["log"])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
