"""The short form of the benchmark: any MIDI bytes, no exception, no stuck note."""

from __future__ import annotations

from latentpad.benchmarks.fuzz_midi import fuzz


def test_any_midi_bytes_leave_no_fault_and_no_note() -> None:
    found = fuzz(3000)
    assert found.faults == [] and found.stuck == 0
    assert found.messages > 3000
