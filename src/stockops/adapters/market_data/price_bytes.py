"""The bytes of a price file: decompressed, and rejected if they cannot be a table."""

import gzip
import io
import zipfile
import zlib
from pathlib import Path

from stockops.adapters.storage import regular_files
from stockops.adapters.storage.regular_files import NotAFileError
from stockops.errors import DataError

PARQUET = b"PAR1"
_GZIP, _ZIP, _OLE = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_BYTES = 64 << 20  # a century of daily bars of one symbol is 3 MiB
_DAMAGED = "download it again"
_EXCEL = "save it as CSV"


def load(path: Path) -> bytes:
    """Return a file's content, extracted from gzip or zip; raise DataError if it is not a table or too large."""
    data = _unpacked(path, _read(path))
    if not data.strip():
        raise DataError(f"{path.name} is empty", _DAMAGED)
    if data.startswith(_OLE):  # old workbooks, and password-protected new ones
        raise DataError(f"{path.name} is an Excel workbook", _EXCEL)
    if data.startswith((_GZIP, _ZIP)):
        raise DataError(f"{path.name} is packed twice", "unpack it")
    return data


def _read(path: Path) -> bytes:
    try:
        return regular_files.read(path, _MAX_BYTES)
    except FileNotFoundError as exc:
        raise DataError(f"no {path.name} in {path.parent}", "add the file or choose another --data-dir") from exc
    except NotAFileError as exc:
        raise DataError(f"{path} {exc}", "put a readable file with the prices of one symbol in its place") from None


def _bounded(path: Path, data: bytes) -> bytes:
    if len(data) > _MAX_BYTES:
        raise _too_large(path)
    return data


def _too_large(path: Path) -> DataError:
    return DataError(f"{path.name} holds more than {_MAX_BYTES >> 20} MiB", "keep one symbol in a file")


def _unpacked(path: Path, data: bytes) -> bytes:
    try:
        if data.startswith(_GZIP):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                return _bounded(path, file.read(_MAX_BYTES + 1))
        if data.startswith(_ZIP):
            return _bounded(path, _only_member(path, data))
    except (OSError, EOFError, ValueError, NotImplementedError, zlib.error, zipfile.BadZipFile) as exc:
        raise DataError(f"{path.name} is a damaged archive", _DAMAGED) from exc
    return data


def _only_member(path: Path, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        names = {member.filename for member in members}
        if names & {"xl/workbook.xml", "xl/workbook.bin"}:
            raise DataError(f"{path.name} is an Excel workbook", _EXCEL)
        if len(members) != 1:
            raise DataError(f"{path.name} is a zip archive of {len(members)} files", "unpack the one with the prices")
        if members[0].file_size > _MAX_BYTES:  # the declared size, before unpacking
            raise _too_large(path)
        if members[0].flag_bits & 1:
            raise DataError(f"{path.name} is an encrypted archive", "unpack it")
        with archive.open(members[0]) as file:
            return file.read(_MAX_BYTES + 1)
