"""Reads and writes the checkpoint file format: arrays in torch's own zip archive, without torch.

The archive holds the bytes of each array, in order, and a pickle that describes them. Their layout is known, so the
pickle is never interpreted: it must be exactly the one that such arrays have, otherwise a notebook that passes the file
to `torch.load` might execute something else. The archive's comment is a digest of every byte before it. Files of
earlier releases were written by torch.save and have no digest; for those, every member of the archive is checked.
"""

import hashlib
import io
import pickletools
import struct
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]
Layout = Mapping[str, tuple[str, tuple[int, ...]]]  # name -> dtype and shape

MOST_BYTES = 64 << 20  # the network has 1.4 MB
_ROOT = "archive"
_STORAGES = {"float32": "FloatStorage", "float64": "DoubleStorage", "uint8": "ByteStorage"}
_AROUND = {"byteorder": b"little", "version": b"3\n"}  # members that torch expects beside arrays and pickle
_OF_TORCH = {".format_version": b"1", ".storage_alignment": b"64"}
_SERIAL = ".data/serialization_id"  # torch's number for a file, 40 digits
_MARK = b"stockops sha256 "
_DIGEST = 64  # hexadecimal digits
_END, _END_BYTES = b"PK\x05\x06", 22  # the record that ends an archive without a comment

# What zipfile, struct and pickletools raise for invalid data.
BENT = (ValueError, KeyError, EOFError, OverflowError, NotImplementedError, struct.error, zipfile.BadZipFile)


def write(arrays: Arrays) -> bytes:
    """Return the file's bytes; the same arrays give the same bytes."""
    members = {"data.pkl": _pickle({name: (str(array.dtype), array.shape) for name, array in arrays.items()})}
    stored = [np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes() for array in arrays.values()]
    members |= {f"data/{number}": content for number, content in enumerate(stored)} | _AROUND
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(f"{_ROOT}/{name}"), content)
        archive.comment = _MARK + b"0" * _DIGEST
    data = buffer.getvalue()[:-_DIGEST]
    return data + hashlib.sha256(data).hexdigest().encode()


def parts(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return the pickle, and the bytes of each array in order; raises one of BENT for a damaged file.

    Sizes are checked before anything is read: a small archive can claim to hold gigabytes.
    """
    of_torch = data[-_END_BYTES:].startswith(_END)
    if not of_torch and data[-_DIGEST - len(_MARK) :] != _MARK + hashlib.sha256(data[:-_DIGEST]).hexdigest().encode():
        raise ValueError("its bytes do not match its digest")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:  # verifies each member's checksum on reading
        members = archive.infolist()
        if any(member.compress_type or member.flag_bits & 1 for member in members):
            raise ValueError("it is packed")
        if sum(member.file_size for member in members) > len(data):
            raise ValueError("it states more than it holds")
        found = {member.filename.partition("/")[2]: archive.read(member) for member in members}
    if len(found) != len(members):
        raise ValueError("two members have one name")
    count = sum(name.startswith("data/") for name in found)
    _check_around(found, {"data.pkl", *(f"data/{number}" for number in range(count))})
    return found["data.pkl"], [found[f"data/{number}"] for number in range(count)]


def check_pickle(pickle: bytes, layout: Layout) -> None:
    """Raise ValueError unless a pickle describes exactly these arrays, and nothing else."""
    expected = _pickle(layout)
    if pickle != expected and list(_meaning(pickle)) != list(_meaning(expected)):
        raise ValueError("its pickle is not that of its arrays")


def _check_around(found: Mapping[str, bytes], known: set[str]) -> None:
    """Raise ValueError for a missing member, or for one that is neither array, pickle nor as torch writes it."""
    fixed = _AROUND | _OF_TORCH
    for name in found.keys() - known:
        right = found[name].isdigit() and len(found[name]) == 40 if name == _SERIAL else found[name] == fixed.get(name)
        if not right:
            raise ValueError(f"it holds {name}")
    if not known <= found.keys() or next(iter(found)) != "data.pkl":
        raise ValueError("it lacks a part")


def _pickle(layout: Layout) -> bytes:
    """Return the pickle of a state dict as torch.load reads it: each array is `_rebuild_tensor_v2` of a storage.

    Source: torch/serialization.py and torch/_tensor.py, protocol 2.
    """
    parts = [b"\x80\x02}("]
    for number, (name, (dtype, shape)) in enumerate(layout.items()):
        strides = [int(np.prod(shape[place + 1 :], dtype=int)) for place in range(len(shape))]
        parts += [
            _text(name),
            b"ctorch._utils\n_rebuild_tensor_v2\n((",
            _text("storage"),
            f"ctorch\n{_STORAGES[dtype]}\n".encode(),
            _text(str(number)),
            _text("cpu"),
            _integer(int(np.prod(shape, dtype=int))),
            b"tQ",
            _integer(0),
            _tuple(shape),
            _tuple(strides),
            b"\x89ccollections\nOrderedDict\n)RtR",
        ]
    return b"".join([*parts, b"u."])


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def _integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tuple(values: "tuple[int, ...] | list[int]") -> bytes:
    items, short = b"".join(map(_integer, values)), {1: b"\x85", 2: b"\x86", 3: b"\x87"}
    return items + short[len(values)] if len(values) in short else b"(" + items + b"t"


def _meaning(pickle: bytes) -> Iterator[tuple[str, object]]:
    """Yield the operations of a pickle without running any, with memo references resolved."""
    memo: dict[object, tuple[str, object]] = {}
    last: tuple[str, object] = ("", None)
    for operation, argument, _ in pickletools.genops(pickle):
        match operation.name:
            case "PROTO":
                continue
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = last
                continue
            case "BINGET" | "LONG_BINGET":
                last = memo[argument]
            case "BININT" | "BININT1" | "BININT2":
                last = ("INT", argument)
            case name:
                last = (name, argument)
        yield last
