"""Writes src/globals/sklearn.txt: the classes and functions that scikit-learn's modules define.

Run once under each version in tests/requirements-*.txt; names are added to those there already:
    python tests/names.py src/globals/sklearn.txt
"""

import collections
import importlib
import inspect
import pathlib
import pkgutil
import sys
import warnings

import sklearn

OUT_OF_USE = ("tests", "externals", "datasets", "conftest", "_testing", "_build_utils", "setup",
              "__check_build", "_min_dependencies", "_mocking", "estimator_checks", "_build_utils",
              "_estimator_html_repr", "_repr_html", "_pprint", "_show_versions", "_test_common")


def modules():
    for found in pkgutil.walk_packages(sklearn.__path__, "sklearn.", onerror=lambda name: None):
        if not set(found.name.split(".")) & set(OUT_OF_USE):
            try:
                yield importlib.import_module(found.name)
            except Exception:
                pass


def names(module):
    for name, value in vars(module).items():
        if name.startswith("__") and not name.startswith("__pyx_unpickle_"):
            continue
        of_here = getattr(value, "__module__", None) == module.__name__
        if of_here and (inspect.isclass(value) or inspect.isroutine(value)):
            if getattr(value, "__name__", None) == name:
                yield name


def main():
    warnings.simplefilter("ignore")
    path = pathlib.Path(sys.argv[1])
    table = collections.defaultdict(set)
    if path.exists():
        for line in path.read_text().splitlines():
            module, words = line.split(": ")
            table[module] |= set(words.split())
    for module in modules():
        table[module.__name__] |= set(names(module))
    lines = (f"{module}: {' '.join(sorted(words))}" for module, words in sorted(table.items()) if words)
    path.write_text("\n".join(lines) + "\n")


main()
