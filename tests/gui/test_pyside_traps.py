"""Faults of PySide6 that cost days once. When one of these fails after an update, do not update."""

from __future__ import annotations

import gc
import sys

from PySide6.QtCore import QObject, Signal


class Thing:
    pass


class Sender(QObject):
    said = Signal(object, object, object)


def test_emitting_keeps_the_references_of_what_is_sent(qapp):
    """PySide6 6.12.0 on Python 3.11 drops one reference of each argument at each emit, and aborts after a while."""
    sender, got = Sender(), []
    sender.said.connect(lambda *values: got.append(len(values)))
    thing, text, number = Thing(), "a string that is not interned " * 2, 123456789012345
    before = [sys.getrefcount(value) for value in (thing, text, number)]
    none = sys.getrefcount(None)
    for _ in range(1000):
        sender.said.emit(thing, text, number)
    assert [sys.getrefcount(value) for value in (thing, text, number)] == before
    assert abs(sys.getrefcount(None) - none) < 500
    assert len(got) == 1000


def test_emitting_by_qasyncs_own_signal_keeps_references(qapp):
    """What qasync does for each callback: a signal with a callable and its arguments."""
    from PySide6 import QtCore
    from qasync import _make_signaller

    signaller = _make_signaller(QtCore, object, tuple)
    got = []
    signaller.signal.connect(lambda call, arguments: got.append(call(*arguments)))
    arguments = (Thing(), 1.5)
    before = sys.getrefcount(arguments), sys.getrefcount(len)
    for _ in range(1000):
        signaller.signal.emit(lambda *values: len(values), arguments)
    assert (sys.getrefcount(arguments), sys.getrefcount(len)) == before
    assert got == [2] * 1000


def test_the_collector_frees_circles_on_the_gui_thread(qapp):
    from goop2_desktop.collect import Collector

    was = gc.isenabled()
    collector = Collector(qapp)
    try:
        assert not gc.isenabled()
        first, second = Thing(), Thing()
        first.other, second.other = second, first
        import weakref

        seen = weakref.ref(first)
        del first, second
        for _ in range(30):
            collector.collect()
        assert seen() is None
    finally:
        collector.stop()
        collector.deleteLater()
        gc.unfreeze()
        if not was:
            gc.disable()
