"""The shipped protocol tables, as `modes/build` reads them."""

from functools import cache

from gw.modes.build import read_shapes, read_table
from gw.wire.events import EventTable
from gw.wire.methods import MethodTable
from gw.wire.params import Shape


@cache
def method_table() -> MethodTable:
    return MethodTable(read_table("methods.json"))


@cache
def event_table() -> EventTable:
    return EventTable(read_table("events.json"))


@cache
def shape_of(method: str) -> Shape:
    return read_shapes({method})[method]
