"""A sweep agrees with the obvious way over trees that change between two looks; digests agree with hashlib's."""

import hashlib
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gw._native.filehash import sha256, sweep, use_wide
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


@pytest.fixture(params=[True, False], ids=["processor's own", "plain C"])
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    if use_wide(request.param) != request.param:
        pytest.skip("this processor has no instructions for SHA-256")
    yield
    use_wide(True)


@pytest.mark.usefixtures("_way")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_pieces_give_the_digest_of_the_whole(pieces: list[bytes]) -> None:
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
        digest.digest()  # asking changes nothing
    assert digest.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("size", [*range(129), 16 * 1024 - 1, 16 * 1024, 1_000_003])
def test_every_length_of_padding_and_a_text_hashed_without_the_gil(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert sha256(data).digest() == hashlib.sha256(data).digest()
