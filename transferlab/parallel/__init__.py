"""Many networks at a time: in processes on CPUs and clusters, in threads on a GPU, or one by one.

All three take the same arguments: `train` trains the network of a job and returns its accuracy; `jobs` lists parents
before their children; `workers` is how many to train at a time; `done` is called with each finished job and its
accuracy. All return the failed jobs, and those whose parent failed, with the error.
"""

from collections.abc import Callable

from transferlab.notation import Job, parent_job

Train = Callable[[Job], float]
Done = Callable[[Job, float], None]
Failed = dict[Job, BaseException]


def one_by_one(train: Train, jobs: list[Job], done: Done) -> Failed:
    """Train in this thread, so that an interrupt ends it at once."""
    failed: Failed = {}
    for job in jobs:
        parent = parent_job(job)
        if parent in failed:
            failed[job] = failed[parent]
            continue
        try:
            accuracy = train(job)
        except Exception as error:  # one network must not cost the others
            failed[job] = error
        else:
            done(job, accuracy)
    return failed
