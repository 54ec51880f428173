from __future__ import annotations

from latentpad.benchmarks.fuzz_osc import fuzz


def test_fuzzed_datagrams_raise_nothing_and_leave_nothing_held() -> None:
    result = fuzz(6000, 1)
    assert result.faults == []
    assert result.held == 0
    assert result.malformed > 500 and result.refused > 500
