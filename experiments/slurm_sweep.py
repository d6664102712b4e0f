"""A KTL sweep on a SLURM cluster; needs `pip install dask-jobqueue`.

    python experiments/slurm_sweep.py experiments/ktl_ablation_128.yaml --jobs 16 --gpus \
           --interface ib0 --walltime 04:00:00

This process, on a login node or in a small job, runs the scheduler and writes the table; each SLURM job
is one worker, with one GPU if --gpus is given. All of them must see this folder. When a job reaches its
time limit, another worker resumes its run from the last checkpoint; when this process ends, the same
command resumes the sweep.
"""

import argparse
import math
from pathlib import Path
from typing import Any

from mlcmkd.cli import guarded
from mlcmkd.studies.cluster import GPU, Cluster
from mlcmkd.studies.ktl.plan import SweepConfig
from mlcmkd.studies.ktl.run import KTLStudy
from mlcmkd.studies.runner import run_study
from mlcmkd.utils.yaml_files import read_fields


def slurm_cluster(
    *, gpus: bool, cores: int, memory: str, walltime: str, queue: str | None, interface: str | None
) -> Any:
    """A cluster whose workers are SLURM jobs; it starts without jobs."""
    from dask_jobqueue import SLURMCluster

    return SLURMCluster(
        queue=queue,
        walltime=walltime,
        cores=cores,
        processes=1,
        memory=memory,
        interface=interface,
        # One run at a time on all cores: trainings in threads of one process would share random states.
        worker_extra_args=["--nthreads", "1", *(["--resources", f"{GPU}=1"] if gpus else [])],
        job_extra_directives=["--gres=gpu:1"] if gpus else [],
        job_script_prologue=[f"export OMP_NUM_THREADS={cores}"],
        scheduler_options={"dashboard_address": None},
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("file", type=Path, help="parameter file of a sweep")
    parser.add_argument("--jobs", type=int, default=4, help="SLURM jobs side by side")
    parser.add_argument("--gpus", action="store_true", help="one GPU for each job")
    parser.add_argument("--cores", type=int, default=4, help="of each job")
    parser.add_argument("--memory", default="16GB", help="of each job")
    parser.add_argument("--walltime", default="02:00:00", help="of each job")
    parser.add_argument("--queue", help="SLURM's partition")
    parser.add_argument("--interface", help="network interface that the nodes share, such as ib0")
    options = vars(parser.parse_args())
    file, jobs = options.pop("file"), options.pop("jobs")
    config = SweepConfig.validated(str(file), read_fields(file))
    with slurm_cluster(**options) as cluster:
        cluster.scale(jobs=jobs)
        workers = Cluster(
            scheduler=cluster.scheduler_address,
            gpus=int(options["gpus"]),
            retries=2,
            patience=math.inf,  # jobs may wait long for their turn
        )
        failed = run_study(KTLStudy(config), workers)
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    guarded(main)
