"""A sweep agrees with the obvious way over trees that change between two looks."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gw._native.filehash import sweep
from tests.oracle.filehash import look

contents = st.dictionaries(st.sampled_from("abcd"), st.binary(max_size=64), max_size=4)


@settings(max_examples=60)
@given(contents, contents)
def test_two_looks(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        paths = [os.fsencode(root / name) for name in "abcd"]
        for name, content in before.items():
            (root / name).write_bytes(content)
        first = sweep(paths)
        assert first == [look(path) for path in paths]
        for name in before.keys() - after.keys():
            (root / name).unlink()
        for name, content in after.items():
            (root / name).write_bytes(content)
        assert [row[:11] for row in sweep(paths, first)] == [look(path)[:11] for path in paths]
