"""The versions of what this package is installed with: of everything that its own metadata names."""

import functools
import importlib.metadata
import re

PACKAGE = "hypergrad-bench"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@functools.cache
def versions(package: str = PACKAGE) -> dict[str, str]:
    """Return the version of a package and of every installed distribution that it asks for, by name.

    Extras count, whether they were asked for at the installation or not: what is there can be imported. Names
    are in lower case with hyphens (PEP 503), in alphabetical order. What is not installed is left out; of a
    package without metadata, as one that is imported from its sources alone, nothing is known.
    """
    asked = [package, *_requirements(package)]
    known = {name: _version(name) for name in sorted({_normalized(name) for name in asked})}
    return {name: version for name, version in known.items() if version is not None}


def _requirements(package: str) -> list[str]:
    """Return the names in the metadata's requirements, such as `jax[cuda13]>=0.10; extra == "cuda"`."""
    # All metadata on the path: what a build left in a checkout may be older than the installation's.
    everywhere = importlib.metadata.distributions(name=package)
    requirements = [one for metadata in everywhere for one in metadata.requires or []]
    return [match[0] for one in requirements if (match := _NAME.match(one.strip()))]


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
