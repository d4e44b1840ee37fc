"""What the agent keeps: rows, readings, findings and states, in DuckDB files that survive what a device goes through.

Only the agent opens these files; others ask it, or use `open_readonly` while no agent runs.
"""

from agent.buffer.capture import Capture, CaptureConfig
from agent.buffer.config import BufferConfig
from agent.buffer.core import Buffer
from agent.buffer.errors import BufferBusyError, BufferMissingError, SchemaTooNewError
from agent.buffer.opening import open_buffer
from agent.buffer.reader import Reader, open_readonly

__all__ = [
    "Buffer",
    "BufferBusyError",
    "BufferConfig",
    "BufferMissingError",
    "Capture",
    "CaptureConfig",
    "Reader",
    "SchemaTooNewError",
    "open_buffer",
    "open_readonly",
]
