"""A class that does what the text of a request says: it needs no numpy."""

import os
import time
from pathlib import Path


class Model:
    def __init__(self, fail="", greeting="hello"):
        if fail:
            raise ValueError(fail)
        self.greeting = greeting
        print("made")

    def predict(self, X, names, meta=None):
        word, _, rest = X.partition(" ")
        if word == "exit":
            os._exit(int(rest))
        if word == "sleep":
            time.sleep(float(rest))
        if word == "meet":
            meet(*rest.split(" "))
        if word == "allocate":
            return str(len(bytearray(int(rest))))
        if word == "raise":
            raise RuntimeError(rest)
        if word == "core":
            import resource

            return str(resource.getrlimit(resource.RLIMIT_CORE))
        return f"{self.greeting} {X}"

    def tags(self):
        return {"pid": os.getpid()}


def meet(mine, other):
    """Returns once the other has come, too."""
    Path(mine).touch()
    for _ in range(2000):
        if Path(other).exists():
            return
        time.sleep(0.005)
    raise TimeoutError("the other did not come")
