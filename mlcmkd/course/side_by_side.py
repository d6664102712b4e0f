"""Executes notebooks side by side, each after those whose models it uses.

Two cores train the course's small networks faster as two processes of one thread each than as one of two
threads, which wait for each other after every small operation (`benchmarks/busy_machine.py`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from graphlib import TopologicalSorter
from multiprocessing import get_context
from typing import Any

from mlcmkd.utils.progress import tqdm

# Notebook -> the last one whose models it uses, by their numbers; the others need no model.
AFTER = {
    "02": "00",
    "03": "00",
    "03b": "03",
    "04": "03",
    "05": "03",
    "06": "04",
    "06b": "04",
    "07": "03",
    "07b": "03",
}
LAST = "08"  # its tables have every model


def waiting_for(numbers: Sequence[str]) -> dict[str, set[str]]:
    """The notebooks that have to end before each notebook starts.

    Args:
        numbers: of the notebooks to run, such as "06b"; a notebook that is not among them is not waited
            for.
    """
    before = {number: {AFTER[number]} if number in AFTER else set() for number in numbers}
    if LAST in before:
        before[LAST] = {*numbers} - {LAST}
    return {number: waits & {*numbers} for number, waits in before.items()}


def threads_of(number: str, before: Mapping[str, set[str]], workers: int, cores: int) -> int:
    """Threads of a notebook's arithmetic.

    A notebook for which at least half of all the others wait gets a thread per core, because little can
    run beside it; the others share the cores.

    Args:
        number: of the notebook.
        before: from `waiting_for`.
        workers: notebooks that may run side by side.
        cores: that the process may use.
    """
    waiting = {number}
    while more := {name for name, waits in before.items() if waits & waiting} - waiting:
        waiting |= more
    most_wait = 2 * (len(waiting) - 1) >= len(before) - 1 > 0
    return cores if most_wait else max(1, cores // workers)


def run_side_by_side(
    work: Callable[..., Any],
    jobs: Mapping[str, tuple[Any, ...]],
    before: Mapping[str, set[str]],
    workers: int,
) -> Iterator[tuple[str, Any]]:
    """Runs `work(*arguments)` of each notebook in a process; yields its number and result as it ends.

    Args:
        work: a function of a module.
        jobs: number of a notebook -> arguments of `work`, in order.
        before: from `waiting_for`.
        workers: most processes at a time.

    Raises:
        Exception: that of the first notebook that fails. Those that run are waited for; no other starts.
    """
    order = TopologicalSorter(before)
    order.prepare()
    ready: list[str] = []
    running: dict[Future, str] = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while order.is_active():
            ready = sorted([*ready, *order.get_ready()], key=list(jobs).index)
            while ready and len(running) < workers:
                number = ready.pop(0)
                running[pool.submit(work, *jobs[number])] = number
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                number = running.pop(future)
                if future.exception() is not None and running:
                    tqdm.write(f"{number} failed; waiting for {', '.join(running.values())}")
                result = future.result()
                order.done(number)
                yield number, result
