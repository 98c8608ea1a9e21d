"""Where the files of a model are: Hari fetches a `modelUri` before the component starts."""

import os
from urllib.parse import unquote, urlparse


class Storage:
    """Local folders under the name that components ask for."""

    @staticmethod
    def download(uri: str, out_dir: "str | None" = None) -> str:
        """The folder that `uri` means, a path or `file://`; raises for what is not here."""
        parts = urlparse(uri)
        if parts.scheme not in ("", "file"):
            raise ValueError(
                f"'{parts.scheme}' is not fetched from within a component: give it as modelUri, "
                "and Hari fetches it before the component starts"
            )
        path = unquote(parts.path) if parts.scheme else uri
        if not os.path.exists(path):
            raise FileNotFoundError("there is no such file or folder on this machine")
        return path
