import errno
import os
from pathlib import Path

import pytest

from stockops.adapters.storage.atomic_write import write_together, write_whole
from stockops.errors import TryAgainError, UsageError


def test_a_write_creates_folders_and_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["b.json"]


def test_a_failed_joint_write_changes_no_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    first, blocked = tmp_path / "first", tmp_path / "file" / "second"
    write_whole(first, b"old")
    (tmp_path / "file").write_bytes(b"in the way of a folder")
    with pytest.raises(UsageError, match=r"cannot write .*file: .* STOCKOPS_HOME"):
        write_together({first: b"new", blocked: b"new"})
    assert first.read_bytes() == b"old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "first"]


def test_an_interrupt_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    write_whole(path, b"old")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt"]


def test_written_files_have_default_permissions(tmp_path: Path) -> None:
    write_whole(tmp_path / "report.json", b"{}")
    (tmp_path / "plain").touch()
    assert (tmp_path / "report.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_full_disk_raises_try_again_error_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pt"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TryAgainError, match=r"cannot write .*: No space left on device; free some space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


def test_stale_temporary_files_are_removed_by_a_later_write(tmp_path: Path) -> None:
    old, recent = tmp_path / ".a[1].json.x.tmp", tmp_path / ".a[1].json.y.tmp"
    other = tmp_path / ".b.json.x.tmp"
    for path in (old, recent, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (0, 0))
    write_whole(tmp_path / "a[1].json", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a[1].json", recent.name, other.name}
