"""The ring file, byte by byte: the one definition that the probe writes by and the agent reads by.

Standard library only, Python 3.9, no side effects at import. Nothing here opens a file.

A ring file is a header of HEADER_BYTES, then `slot_count` slots of `slot_bytes` each; both are multiples of 8.

Header, native byte order (a ring never leaves its machine):
  0     FIXED        magic, sizes, identity of the writing process (see FIXED_FIELDS)
  128   COUNTERS     written by the probe while it runs: dropped records, number of signatures
  256   identity     u32 length, then UTF-8 JSON: model, version, sha256, runtime, provider, kind; sha256_of ("file",
                     "bytes", or "sample" of a file too large to hash at start); features, names of an input's columns
  16384 signatures   one after another: u32 length, then UTF-8 JSON, see below

Record, at the start of its slot:
  0     HEAD         sequence number, end of the call on CLOCK_MONOTONIC in ns, duration in ns, rows in the batch,
                     signature index, status
  32    payload      as the signature says
  last 8 bytes       the sequence number again

Sequence numbers start at 1, by one each record; record `seq` lives in slot `seq % slot_count`. A slot that was never
written holds 0. A duration of 0 was not measured. Signature 0 has no parts: of such a record time and status are all
that was kept. The writer stores the head first and the tail last. A reader accepts a record if head and tail carry
the sequence number that it expects and two reads, one after the other, returned the same bytes; this holds on weakly
ordered processors too once the record is a few milliseconds old.

A signature is the shape of one kind of call; a new one is added when shapes or dtypes change. JSON: {"parts": [part…]},
a part being one array of the call:
  role      "input" or "output"
  name      the tensor's name
  dtype     numpy's string for it ("<f4"); "object" where it has no buffer
  shape     the array's actual shape, of 8 axes at most; where shapes vary without end, the axes that vary are rounded
            down to a power of two and the array is cropped to that (`rows` of the record counts all rows)
  layout    "whole"    all elements, C order
            "head"     the first rows (of axis 0) that fit, whole, C order
            "sampled"  of the first image or row, or of the array itself where that is one image: a strided subsample,
                       then one contiguous patch from the centre
            "named"    one float64 for each of `names`, in order, NaN where missing; from `observe` and mappings
            "absent"   nothing is stored; shape and dtype are all there is to know
  at, bytes where it lies in the payload
  names     for "named"
  sample_shape, patch_shape   for "sampled": the shapes of the two pieces, C order, patch after sample; as many axes as
            `shape`, or one fewer where axis 0 of `shape` counts images

Parts of dtype "opaque" are no arrays and have one byte an element. One of them has a meaning: input "id" holds the ids
that the service gave to the call's rows, 8 bytes each (see `driftline.ids`). An agent that knows none passes over them.

Labels lie in rings of their own, whose names end in LABELS_SUFFIX: the same format, and each record has one part,
"label", of dtype "opaque", packed as LABEL_FORMAT says: id, value (NaN where the truth is a text), bytes of the text,
bytes of the model's name, text, model.

An array of no bytes has layout "whole". Slots beyond what the file has reserved so far read as 0.
"""

from __future__ import annotations

import os
import struct

MAGIC = b"DRFTRING"
VERSION = 1

HEADER_BYTES = 65_536
COUNTERS_AT = 128
IDENTITY_AT = 256
SIGNATURES_AT = 16_384
MAX_SIGNATURES = 32

FIXED = struct.Struct("@8sIIIIIIQQ16sQQ")
FIXED_FIELDS = (
    "magic",
    "version",
    "header_bytes",
    "slot_bytes",
    "slot_count",
    "pid",
    "flags",
    "start_ticks",  # field 22 of /proc/PID/stat: together with the pid it names the process
    "pid_namespace",  # inode of /proc/self/ns/pid
    "boot_id",
    "created_monotonic_ns",
    "created_wall_ns",
)
COUNTERS = struct.Struct("@QQ")  # dropped records, signatures written
LENGTH = struct.Struct("@I")

HEAD_FORMAT = "QQQIHBx"  # seq, end_ns, duration_ns, rows, signature, status
HEAD = struct.Struct("@" + HEAD_FORMAT)
TAIL = struct.Struct("@Q")
PAYLOAD_AT = HEAD.size
RECORD_OVERHEAD = HEAD.size + TAIL.size

MAX_SLOT_BYTES = 1 << 20
MAX_SLOTS = 1 << 20
SUFFIX = ".ring"

LABELS_SUFFIX = ".labels"
LABEL_TEXT, LABEL_MODEL = 56, 64
LABEL_FORMAT = f"@QdHH4x{LABEL_TEXT}s{LABEL_MODEL}s"

STATUS_OK = 0
STATUS_ERROR = 1


def run_directories() -> list[str]:
    """Directories where rings may lie, the preferred one first.

    $DRIFTLINE_RUN alone where it is set; else /run/driftline, $XDG_RUNTIME_DIR/driftline and a directory of the user's
    own under /tmp, in this order. They need not exist.
    """
    chosen = os.environ.get("DRIFTLINE_RUN")
    if chosen:
        return [chosen]
    directories = ["/run/driftline"]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        directories.append(os.path.join(runtime, "driftline"))
    directories.append(f"/tmp/driftline-{os.getuid()}")  # noqa: S108  # its maker checks mode and owner
    return directories
