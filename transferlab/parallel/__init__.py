"""Many networks at a time: in processes on CPUs and clusters, in threads on a GPU, or one by one.

All three take the same arguments: `train` trains the network of a job and returns its accuracy; `jobs` lists parents
before their children; `workers` is how many to train at a time; `done` is called with each finished job and its
accuracy. All return the failed jobs, and those whose parent failed, with the error.
"""

import sys
from collections.abc import Callable
from typing import Any

from transferlab.notation import Job, parent_jobs
from transferlab.system.files import is_path

Train = Callable[[Job], float]
Done = Callable[[Job, float], None]
Failed = dict[Job, BaseException]


def checked_cluster(cluster: Any) -> Any:
    """Return what a Lab may be given as its cluster, and None, as it is; raises ValueError for anything else.

    >>> checked_cluster("tls://10.0.0.1:8786")
    'tls://10.0.0.1:8786'
    """
    if cluster is None or is_path(cluster) or _is_dask(cluster):
        return cluster
    raise ValueError(
        f"cluster is {cluster!r}; it must be the address of a Dask scheduler, the path of its scheduler file, a "
        "Client, or a cluster of Dask's, such as LocalCluster"
    )


def _is_dask(value: object) -> bool:
    distributed = sys.modules.get("distributed")  # whoever has one of its objects has imported it, which takes a second
    return distributed is not None and isinstance(value, distributed.Client | distributed.deploy.Cluster)


def one_by_one(train: Train, jobs: list[Job], done: Done) -> Failed:
    """Train in this thread, so that an interrupt ends it at once."""
    failed: Failed = {}
    for job in jobs:
        if lost := [parent for parent in parent_jobs(job) if parent in failed]:
            failed[job] = failed[lost[0]]
            continue
        try:
            accuracy = train(job)
        except Exception as error:  # one network must not cost the others
            failed[job] = error
        else:
            done(job, accuracy)
    return failed
