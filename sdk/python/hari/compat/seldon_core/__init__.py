"""Stands in for the package `seldon_core` where it is not installed, so that components import it.

Its names are those that components use: base class, response, metrics, errors, messages. The
server, the client and the command line of the original are not here.
"""

from seldon_core.storage import Storage

__all__ = ["Storage"]
