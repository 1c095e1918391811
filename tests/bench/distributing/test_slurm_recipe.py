"""The recipe for SLURM, by dask-jobqueue's own job script."""

import re
from pathlib import Path

import distributed


def test_a_job_is_one_worker_with_its_processors(repository: Path) -> None:
    """No job is submitted: what is printed is the script, and a scheduler on this machine."""
    page = (repository / "docs" / "cluster.md").read_text()
    found = re.search(r"^```python\n(# start_cluster\.py\n.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert found is not None
    recipe = found[1].replace("cluster.scale(jobs=50)\n", "")
    assert recipe != found[1]
    said: list[str] = []
    names: dict[str, object] = {"print": lambda one: said.append(one)}
    try:
        exec(compile(recipe, "recipe", "exec"), names)  # noqa: S102 - our own page
    finally:
        if isinstance(cluster := names.get("cluster"), distributed.deploy.Cluster):
            cluster.close()
    script, address = said
    assert re.match(r"tcp://[\d.]+:\d+$", address)
    lines = script.splitlines()
    assert "#SBATCH --cpus-per-task=8" in lines
    assert "#SBATCH -n 1" in lines
    assert "#SBATCH --mem=15G" in lines  # GB in units of GiB
    assert "#SBATCH -t 04:00:00" in lines
    (worker,) = (line for line in lines if "distributed.cli.dask_worker" in line)
    assert address in worker
    assert worker.count("--nthreads 1 ") == 1
    assert "--nworkers" not in worker
