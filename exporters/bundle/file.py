"""The file format of a bundle, version 1: written as a stream, and read only when every byte of it is vouched for.

MAGIC, then frames: each a length (u32, big-endian, more than 0) and so many bytes. The first is the header (msgpack),
the others are parcels (msgpack, zlib). A length of 0 ends them; the last 64 bytes are the Ed25519 signature (RFC 8032)
of MAGIC and the SHA-512 of everything before them. The public key is in the header; the reader has to know whose it is.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.outbound import Origin, Parcel  # msgspec resolves the annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAGIC = b"driftline bundle 1\n"
MOST_FRAME = 1_000_000  # bytes of one frame, and ten times as many unpacked
_SIGNATURE_BYTES = 64
_LENGTH = struct.Struct(">I")
_LEVEL = 6


class BundleError(Exception):
    """A file is no bundle that can be used; the message says why, and what to do."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle says of itself. key: the public key, 32 bytes. fields: the names of what may be sent on from it."""

    id: str
    origin: Origin
    made_ns: int
    key: bytes
    fields: tuple[str, ...]


class BundleWriter:
    """Makes the bytes of a bundle, piece by piece: `begin`, `add` as often as wanted, `end`.

    Parameters
    ----------
    key
        The device's private key.

    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._seen = hashlib.sha512()
        self._packer = msgspec.msgpack.Encoder()

    def begin(self, bundle_id: str, origin: Origin, made_ns: int, fields: Sequence[str]) -> bytes:
        """Return the beginning."""
        public = self._key.public_key().public_bytes_raw()
        header = Header(id=bundle_id, origin=origin, made_ns=made_ns, key=public, fields=tuple(fields))
        return self._take(MAGIC + _framed(self._packer.encode(header)))

    def add(self, parcels: Sequence[Parcel]) -> bytes:
        """Return a frame of parcels, or several where one does not hold them. Raises ValueError for one too large."""
        packed = self._packer.encode(list(parcels))
        frame = zlib.compress(packed, _LEVEL)
        if len(frame) <= MOST_FRAME and len(packed) <= 10 * MOST_FRAME:
            return self._take(_framed(frame))
        if len(parcels) == 1:
            raise ValueError(f"parcel {parcels[0].id} takes {len(packed)} bytes, more than a frame holds")
        half = len(parcels) // 2
        return self.add(parcels[:half]) + self.add(parcels[half:])

    def end(self) -> bytes:
        """Return the end, with the signature."""
        last = self._take(_LENGTH.pack(0))
        return last + self._key.sign(MAGIC + self._seen.digest())

    def _take(self, written: bytes) -> bytes:
        self._seen.update(written)
        return written


class Bundle:
    """A bundle whose signature is right. Raises BundleError where it is not, or the file is none.

    Parameters
    ----------
    path
        The file. It is read twice: now, and for `batches`; what changed in between is refused there.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digests: list[bytes] = []
        try:
            with path.open("rb") as file:
                self.header = self._verify(file)
        except OSError as error:
            raise BundleError(f"{path}: {error.strerror}") from error

    def batches(self) -> Iterator[list[Parcel]]:
        """Yield the parcels, a frame at a time."""
        decoder = msgspec.msgpack.Decoder(list[Parcel])
        with self._path.open("rb") as file:
            file.seek(len(MAGIC))
            for place, digest in enumerate(self._digests):
                frame = _frame(file, self._path)
                if hashlib.sha256(frame).digest() != digest:
                    raise BundleError(f"{self._path} changed while it was read; nothing of what changed was sent")
                if place == 0:
                    continue
                unpacker = zlib.decompressobj()
                try:
                    packed = unpacker.decompress(frame, 10 * MOST_FRAME)
                    if not unpacker.eof:
                        raise BundleError(f"{self._path} holds more in one piece than a device writes")
                    yield decoder.decode(packed)
                except (zlib.error, msgspec.MsgspecError) as error:
                    # It is signed: not damage, another version.
                    raise BundleError(f"{self._path} was written by another version of driftline: {error}") from error

    def _verify(self, file: BinaryIO) -> Header:
        if file.read(len(MAGIC)) != MAGIC:
            raise BundleError(f"{self._path} is no bundle, or one of another version of driftline")
        seen = hashlib.sha512(MAGIC)
        while frame := _frame(file, self._path):
            seen.update(_LENGTH.pack(len(frame)) + frame)
            self._digests.append(hashlib.sha256(frame).digest())
            if len(self._digests) == 1:
                header = self._header(frame)
        if not self._digests:
            raise BundleError(f"{self._path} was altered: it has no header")
        seen.update(_LENGTH.pack(0))
        signature = file.read(_SIGNATURE_BYTES + 1)
        if len(signature) < _SIGNATURE_BYTES:
            raise _cut_off(self._path)
        try:
            Ed25519PublicKey.from_public_bytes(header.key).verify(signature, MAGIC + seen.digest())
        except (InvalidSignature, ValueError) as error:
            raise BundleError(
                f"{self._path} was altered after the device signed it, or damaged on the way: nothing of it is used; "
                "copy it again, or write it again with driftline bundle --again"
            ) from error
        return header

    def _header(self, frame: bytes) -> Header:
        try:
            return msgspec.msgpack.decode(frame, type=Header)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BundleError(f"{self._path} was altered, or is of another version of driftline: {error}") from error


def _framed(frame: bytes) -> bytes:
    return _LENGTH.pack(len(frame)) + frame


def _frame(file: BinaryIO, path: Path) -> bytes:
    """Read a frame, empty where they end."""
    length = file.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        raise _cut_off(path)
    count = _LENGTH.unpack(length)[0]
    if count > MOST_FRAME:
        raise BundleError(f"{path} was altered or damaged on the way: nothing of it is used; copy it again")
    frame = file.read(count)
    if len(frame) < count:
        raise _cut_off(path)
    return frame


def _cut_off(path: Path) -> BundleError:
    return BundleError(
        f"{path} is cut off: nothing of it is used; copy it again, and eject the stick before pulling it"
    )
