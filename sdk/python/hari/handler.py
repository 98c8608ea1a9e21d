"""A component's own error handler: `model_error_handler`, a Flask blueprint."""

from __future__ import annotations

import logging
from typing import Any

from hari.errors import Answered

log = logging.getLogger("hari")


class ErrorHandler:
    """Turns an exception into what the component's blueprint answers to it."""

    def __init__(self, component: Any) -> None:
        blueprint = getattr(component, "model_error_handler", None)
        self._app = None if blueprint is None else _app(blueprint)

    def answer(self, error: Exception) -> Exception:
        """What the blueprint answered, as `Answered`; the error itself if it has no handler."""
        if self._app is None or isinstance(error, Answered):
            return error
        with self._app.test_request_context("/"):
            try:
                response = self._app.make_response(self._app.handle_user_exception(error))
            except Exception as other:
                if other is not error:
                    log.exception("model_error_handler failed")
                return error
            body = response.get_data(as_text=True)
            return Answered(response.status_code, body, response.content_type, str(error))


def _app(blueprint: Any) -> Any:
    """A Flask application that serves nothing and knows the handlers of `blueprint`."""
    from flask import Flask

    app = Flask("hari")
    # A handler's failure is an exception here, and no page.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.register_blueprint(blueprint)
    return app
