import pytest

from gw.access.surfaces import Surfaces
from gw.errors import InvalidRequest
from tests.support.peers import MemoryFile


def make():
    heard = []
    file = MemoryFile()
    return Surfaces(file, lambda *change: heard.append(change)), file, heard


def test_a_declaration_waits_for_approval_and_then_holds():
    surfaces, _, heard = make()
    surfaces.declare("n1", ("system",), ("system.which",), 5)
    pending = surfaces.pending("n1")
    assert (pending.commands, pending.scopes, pending.at_ms) == (
        ("system.which",),
        ("operator.pairing", "operator.write"),
        5,
    )
    assert surfaces.approved("n1") is None
    surface = surfaces.approve(pending.request_id, 7)
    assert (surface.commands, surface.approved_at_ms) == (("system.which",), 7)
    surfaces.declare("n1", ("system",), ("system.which",), 9)
    assert surfaces.all_pending() == []
    assert [kind for kind, _, _ in heard] == ["requested", "approved"]


def test_the_same_declaration_is_one_request():
    surfaces, _, heard = make()
    for at in (1, 2):
        surfaces.declare("n1", (), ("a",), at)
    assert len(heard) == 1
    assert surfaces.pending("n1").at_ms == 1


def test_a_wider_declaration_asks_again_and_keeps_what_was_approved():
    surfaces, _, _ = make()
    surfaces.declare("n1", (), ("a",), 1)
    surfaces.approve(surfaces.pending("n1").request_id, 2)
    surfaces.declare("n1", (), ("a", "b"), 3)
    assert surfaces.approved("n1").commands == ("a",)
    assert surfaces.pending("n1").commands == ("a", "b")
    surfaces.declare("n1", (), ("a",), 4)
    assert surfaces.pending("n1") is None


def test_rejecting_and_removing():
    surfaces, _, heard = make()
    surfaces.declare("n1", (), ("a",), 1)
    request_id = surfaces.pending("n1").request_id
    assert surfaces.reject(request_id).node_id == "n1"
    assert surfaces.approved("n1") is None
    for call in (lambda: surfaces.reject(request_id), lambda: surfaces.approve("x", 1), lambda: surfaces.remove("n1")):
        with pytest.raises(InvalidRequest, match="unknown"):
            call()
    surfaces.declare("n1", (), (), 2)
    surfaces.remove("n1")
    assert heard[-1] == ("removed", None, "n1")


def test_everything_survives_a_restart():
    surfaces, file, _ = make()
    surfaces.declare("n1", ("c",), ("a",), 1)
    surfaces.approve(surfaces.pending("n1").request_id, 2)
    surfaces.declare("n2", (), ("b",), 3)
    again = Surfaces(file)
    assert (again.all_approved(), again.all_pending()) == (surfaces.all_approved(), surfaces.all_pending())


def test_records_of_another_version_are_refused():
    file = MemoryFile()
    file.text = '{"version": 9}'
    with pytest.raises(ValueError, match="version 9"):
        Surfaces(file)
