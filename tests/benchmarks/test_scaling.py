"""The simulation of a sweep against computations by hand, and the SLURM job script."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scaling():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import sweep_scaling
    finally:
        sys.path.pop(0)
    return sweep_scaling


@pytest.mark.parametrize(
    ("tasks", "workers", "overhead", "end"),
    [
        ([1, 1, 1, 1], 1, 0, 4),
        ([1, 1, 1, 1], 2, 0, 2),
        ([1, 1, 1, 1], 1000, 0, 1),
        ([3, 1, 1, 1], 2, 0, 3),  # the second worker does the three short ones
        ([1, 1, 1, 3], 2, 0, 4),  # in this order the long one comes last
        ([1, 1, 1], 3, 0.5, 2.5),  # started at 0.5, 1 and 1.5
        ([1, 1], 1, 0.5, 3),
    ],
)
def test_the_end_of_a_sweep_by_hand(scaling, tasks, workers, overhead, end):
    assert scaling.simulated_seconds(tasks, workers, overhead) == pytest.approx(end)


@given(
    st.lists(st.floats(0.1, 10), min_size=1, max_size=30),
    st.integers(1, 40),
    st.floats(0, 0.5),
)
def test_no_sweep_is_faster_than_its_work_or_its_longest_run(scaling, tasks, workers, overhead):
    end = scaling.simulated_seconds(tasks, workers, overhead)
    assert end >= sum(tasks) / workers - 1e-9
    assert end >= max(tasks) + overhead - 1e-9
    assert end <= sum(tasks) + len(tasks) * overhead + 1e-9


def test_a_training_step_counts_teacher_and_student(scaling):
    stages = {stage: ops for stage, _, ops in scaling.reproduction(64)}
    forward = scaling.operations("base", 64)
    seen = sum(scaling.IMAGES.values()) / 3 * scaling.EPOCHS
    assert stages["RGB and thermal teachers, base"] == pytest.approx(3 * forward * seen)
    assert stages["KTL students, every strategy"] == pytest.approx(4 * forward * seen)


def test_a_slurm_job_requests_a_gpu_for_one_run():
    pytest.importorskip("dask_jobqueue")
    sys.path.insert(0, str(ROOT / "experiments"))
    try:
        from slurm_sweep import slurm_cluster
    finally:
        sys.path.pop(0)
    how = {"cores": 4, "memory": "16GB", "walltime": "01:30:00", "queue": "a", "interface": "lo"}
    with slurm_cluster(gpus=True, **how) as cluster:
        script = cluster.job_script()
    for line in (
        "#SBATCH -p a",
        "#SBATCH --gres=gpu:1",
        "#SBATCH -t 01:30:00",
        "OMP_NUM_THREADS=4",
    ):
        assert line in script
    assert "--resources GPU=1" in script and "--nthreads 1" in script
    with slurm_cluster(gpus=False, **how) as cluster:
        assert "gpu" not in cluster.job_script().lower()
