"""The folder of a model: which file is meant."""

from __future__ import annotations

from pathlib import Path

from hari.errors import INTERNAL_ERROR, ServiceError


def the_file(folder: str, names: tuple[str, ...]) -> Path:
    """The first of `names` in `folder`; `folder` itself if it is a file."""
    root = Path(folder)
    if root.is_file():
        return root
    for name in names:
        if (root / name).is_file():
            return root / name
    there = (
        ", ".join(sorted(entry.name for entry in root.iterdir())[:10]) if root.is_dir() else "none"
    )
    raise FileNotFoundError(
        f"expected one of {', '.join(names)} in the model's folder, found {there}"
    )


def missing(package: str, what: str) -> ServiceError:
    """The error for a package that is not installed."""
    return ServiceError(
        f"{what} needs the package {package}: add {package} to requirements.txt",
        500,
        reason=INTERNAL_ERROR,
    )
