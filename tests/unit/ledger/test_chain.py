import pytest

from gw.ledger import chain


def test_each_line_names_the_hash_of_the_one_before() -> None:
    first, digest = chain.link(chain.pack({"id": "a"}), 1, chain.GENESIS)
    second, _ = chain.link(chain.pack({"id": "b"}), 2, digest)
    assert chain.unlink(first) == ({"seq": 1, "prev": chain.GENESIS, "id": "a"}, digest)
    assert chain.unlink(second)[0]["prev"] == digest


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"seq": 1}', b'{"seq": "1", "prev": "x"}', b'{"seq":1,"prev":2}'])
def test_what_is_no_line(line: bytes) -> None:
    with pytest.raises(ValueError):
        chain.unlink(line)


@pytest.mark.parametrize("text", ["\ud800", "\n", "\x00", "é😀"])
def test_any_text_stays_one_line(text: str) -> None:
    line, _ = chain.link(chain.pack({"text": text}), 1, chain.GENESIS)
    assert line.count(b"\n") == 1
    chain.unlink(line)
