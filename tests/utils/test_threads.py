"""Threads that wait: the setting is made before torch is loaded, and the user's own is kept."""

import os
import subprocess
import sys

import pytest

from mlcmkd.utils.threads import SPINS

SHOW = "import os; print(os.environ.get('GOMP_SPINCOUNT'))"
BEFORE = "import sys; sys.modules['torch'] = None; "


def spins(code: str, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_importing_the_package_lets_threads_sleep_soon():
    assert spins(f"import mlcmkd; {SHOW}") == SPINS


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_what_the_user_has_set_is_kept(environment, expected):
    assert spins(f"import mlcmkd; {SHOW}", **environment) == expected


def test_after_torch_nothing_is_set_that_has_no_effect():
    assert spins(f"{BEFORE} import mlcmkd; {SHOW}") == "None"
