"""What the journal asks of the file system: files that are new, appended to, and whole."""

import stat

import pytest

from collector.otlp.journal.files import System, append, write_whole


def test_a_file_is_made_once_and_appended_to(tmp_path):
    """Only we may read it; a second maker of the same name is told, and what is there stays."""
    path = tmp_path / "a"
    handle = System().create(path)

    assert append(System(), handle, [b"one", b"", b"two"]) == 6
    System().close(handle)

    with pytest.raises(FileExistsError):
        System().create(path)
    assert path.read_bytes() == b"onetwo"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_opened_again_is_appended_to_and_cut(tmp_path):
    """What was there is not written over; one that is not there is not made."""
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    handle = System().reopen(path)

    append(System(), handle, [b"678"])
    assert path.read_bytes() == b"12345678"
    System().cut(handle, 2)
    append(System(), handle, [b"9"])
    System().close(handle)

    assert path.read_bytes() == b"129"
    with pytest.raises(FileNotFoundError):
        System().reopen(tmp_path / "b")


def test_less_than_all_is_an_error(tmp_path):
    """A disk that takes five bytes of six is full."""

    class Short(System):
        def write(self, handle, buffers):
            return super().write(handle, buffers) - 1

    handle = System().create(tmp_path / "a")

    with pytest.raises(OSError, match="short write"):
        append(Short(), handle, [b"123456"])
    System().close(handle)


def test_a_small_file_is_replaced_as_a_whole(tmp_path):
    """Also where a run was killed while it made it; nothing is left beside it."""
    path = tmp_path / "seq"
    (tmp_path / "seq.making").write_bytes(b"half")

    for text in (b"1", b"22"):
        write_whole(System(), path, text)

    assert path.read_bytes() == b"22"
    assert list(tmp_path.iterdir()) == [path]
