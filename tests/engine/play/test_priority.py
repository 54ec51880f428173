"""Real-time scheduling of the main thread, also where a user may only ask for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

STEPS = """
import os
from latentpad.engine.play import priority
if priority.claim(priority.MAIN):
    if os.geteuid() == 0:
        os.setuid(65534)  # as for a user who may only ask for it
    with priority.without():
        assert not priority.claimed()
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this scheduling")
def test_a_user_who_may_ask_for_priority_can_lay_it_down() -> None:
    """Whoever is not the superuser may not take back that threads do not inherit it."""
    done = subprocess.run(
        [sys.executable, "-c", STEPS], capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr
