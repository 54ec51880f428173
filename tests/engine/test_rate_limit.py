from __future__ import annotations

from latentpad.engine.rate_limit import RateLimit


def test_so_many_at_once_and_then_one_each() -> None:
    now = 0.0
    allowance = RateLimit(3, 2.0, lambda: now)
    assert [allowance.take() for _ in range(5)] == [True] * 3 + [False] * 2
    now = 1.9
    assert not allowance.take()
    now = 4.1
    assert [allowance.take() for _ in range(3)] == [True, True, False]


def test_a_long_rest_saves_up_no_more_than_so_many() -> None:
    now = 0.0
    allowance = RateLimit(2, 1.0, lambda: now)
    now = 1e6
    assert [allowance.take() for _ in range(3)] == [True, True, False]
