"""Reading our own memory from /proc."""

from pathlib import Path

import pytest

from gw.observe.rss import Memory, parse_status, read_memory

TEXTS = [
    ("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n", Memory(1024 * 1024, 2048 * 1024)),
    ("VmRSS:\nVmHWM: soon kB\n", Memory(0, 0)),
    ("", Memory(0, 0)),
]


@pytest.mark.parametrize("text, memory", TEXTS)
def test_parse_status(text: str, memory: Memory) -> None:
    assert parse_status(text) == memory


def test_this_process_uses_memory() -> None:
    memory = read_memory()
    assert 1_000_000 < memory.rss_bytes <= memory.peak_bytes


def test_a_system_without_proc_reads_as_zero(tmp_path: Path) -> None:
    assert read_memory(tmp_path / "absent") == Memory(0, 0)
