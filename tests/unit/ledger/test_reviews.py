from pathlib import Path

import pytest

from gw.ledger.direct import Direct
from gw.ledger.reviews import NAME, ReviewFile


def test_what_was_appended_is_loaded(tmp_path: Path) -> None:
    file = ReviewFile(tmp_path / "r", Direct())
    assert file.load() == []
    file.open([{"event": "held", "id": "a"}])
    file.append({"event": "used", "id": "a"})
    file.close()
    assert ReviewFile(tmp_path / "r", Direct()).load() == [{"event": "held", "id": "a"}, {"event": "used", "id": "a"}]
    assert (tmp_path / "r" / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", [b'{"event": "use', b"\x00\x00", b"[]\n", b"3\n"])
def test_a_torn_or_foreign_line_is_left_out(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / NAME).write_bytes(b'{"event":"held"}\n' + torn)
    assert ReviewFile(tmp_path, Direct()).load() == [{"event": "held"}]


def test_opening_replaces_what_was_there(tmp_path: Path) -> None:
    file = ReviewFile(tmp_path, Direct())
    file.open([{"event": "a"}, {"event": "b"}])
    file.close()
    file.open([{"event": "b"}])
    file.append({"event": "c"})
    assert [event["event"] for event in file.load()] == ["b", "c"]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
