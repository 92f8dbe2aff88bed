import stat

import pytest

from gw.errors import ConfigError, StoreError
from gw.modes.records import JsonRecordFile


class Inline:
    def run(self, job, *args):
        return job(*args)


def test_what_is_saved_is_loaded_and_private(tmp_path):
    path = tmp_path / "state" / "devices.json"
    file = JsonRecordFile(path, Inline())
    assert file.load() is None
    for records in ({"a": 1}, {"b": [2]}):
        file.save(records)
        assert file.load() == records
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["devices.json"]


def test_a_save_that_fails_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "devices.json"
    file = JsonRecordFile(path, Inline())
    file.save({"a": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"devices\.json: No space"):
        file.save({"b": 2})
    assert file.load() == {"a": 1}


@pytest.mark.parametrize("content", [b"{broken", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_stops_the_start(tmp_path, content):
    path = tmp_path / "devices.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot read"):
        JsonRecordFile(path, Inline()).load()
