#!/usr/bin/env bash
# A local Dask cluster loses a worker for ever whose replacement starts more slowly than a setting says.
#
# Behaviour: when a worker's process ends, its nanny starts another one, and the cluster sets a timer,
#   `distributed.deploy.lost-worker-timeout` (15 seconds). When that runs out, and no worker of this name is
#   connected at this very moment, the cluster closes the nanny, and with it the process that is starting, and
#   strikes the worker from `cluster.workers`. It stays in `cluster.worker_spec`, and nothing looks at the
#   difference again: a cluster of one worker has none from then on, tasks stay queued, and no exception tells.
#   It is enough that importing what tasks need takes longer than the timer, or that the new process is lost too
#   and its successor is starting when the first one's timer runs out. `cluster.scale(n)` with the n that it has
#   already starts the missing ones, and the queued tasks are done.
# Versions: dask and distributed 2026.8.0, Python 3.11.
# Context: a run of thousands of tasks on `LocalCluster`, whose workers import a framework as they start; one was
#   ended for want of memory. Seen first where workers were ended at random: after some twenty times both were
#   gone. The timer is 2 s here and a preload takes 4 s, so that this ends soon.
# Seen:
#   workers before: 1, connected 15 s after its process ended: 0, on the list: 0 of 1
#   the task is still queued: pending
#   after scale(1): finished
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet dask==2026.8.0 distributed==2026.8.0
cat >framework.py <<'PYTHON'
import time

time.sleep(4)  # what a large framework takes on a slow disk
PYTHON
cat >lost.py <<'PYTHON'
import os
import time

import dask
import psutil
from distributed import Client, LocalCluster

SETTINGS = {"distributed.deploy.lost-worker-timeout": "2s", "distributed.worker.preload": ["framework.py"]}

if __name__ == "__main__":
    with (
        dask.config.set(SETTINGS),
        LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        before = len(client.nthreads())
        psutil.Process(client.submit(os.getpid, pure=False).result()).kill()
        time.sleep(15)
        connected, listed, wanted = len(client.nthreads()), len(cluster.workers), len(cluster.worker_spec)
        print(f"workers before: {before}, connected 15 s after its process ended: {connected}, "
              f"on the list: {listed} of {wanted}")
        task = client.submit(os.getpid, pure=False)
        time.sleep(10)
        queued = task.status
        print(f"the task is still queued: {queued}")
        cluster.scale(1)
        task.result(timeout=60)
        done = task.status
        print(f"after scale(1): {done}")
    assert (before, connected, listed, wanted) == (1, 0, 0, 1), "changed: the worker came back"
    assert queued == "pending", "changed: the task was done"
    assert done == "finished", "changed: scaling to the same number does not help"
PYTHON
venv/bin/python lost.py 2>messages || { cat messages >&2; exit 1; }
