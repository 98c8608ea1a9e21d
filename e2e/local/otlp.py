"""OpenTelemetry's own collector as a process, and the spans that it was sent."""

import http.server
import json
import os
import socket
import subprocess
import threading

from harness import until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Collector:
    """The collector as a process: takes OTLP, and hands it on to us as JSON over HTTP."""

    def __init__(self, folder):
        program = os.environ.get("HARI_E2E_COLLECTOR")
        assert program, "HARI_E2E_COLLECTOR is unset: run these tests with `cargo xtask e2e`"
        self.batches, self.lock = [], threading.Lock()
        self.sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.sink.serve_forever, daemon=True).start()
        self.grpc, self.http = free_port(), free_port()
        self.log = folder / "collector.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [program, "--config", "yaml:" + json.dumps(self._config())],
                stdout=log,
                stderr=log,
            )
        until(self._listens, "the collector listens", 30)

    def _config(self):
        def at(port):
            return {"endpoint": f"127.0.0.1:{port}"}

        return {
            "receivers": {"otlp": {"protocols": {"grpc": at(self.grpc), "http": at(self.http)}}},
            "exporters": {
                "otlphttp": {
                    "endpoint": f"http://127.0.0.1:{self.sink.server_port}",
                    "encoding": "json",
                    "compression": "none",
                    "sending_queue": {"enabled": False},
                }
            },
            "service": {
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlphttp"]}},
                "telemetry": {"metrics": {"level": "none"}},
            },
        }

    def _handler(self):
        batches, lock = self.batches, self.lock

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    batches.append(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        return Handler

    def _listens(self):
        assert self.process.poll() is None, self.log.read_text()
        for port in (self.grpc, self.http):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return False
        return True

    def settings(self, protocol="grpc"):
        """What makes `hari` send its traces here."""
        port = self.grpc if protocol == "grpc" else self.http
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        }

    def spans(self, trace=None):
        """Every span that arrived, each with its service; those of one trace if one is named."""
        with self.lock:
            batches = list(self.batches)
        found = []
        for batch in batches:
            for resource in batch["resourceSpans"]:
                service = attributes(resource["resource"]).get("service.name")
                for scope in resource["scopeSpans"]:
                    found += [{**span, "service": service} for span in scope["spans"]]
        return [span for span in found if trace in (None, span["traceId"])]

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.sink.shutdown()
        self.sink.server_close()


def attributes(of):
    """Attributes of a span or a resource, as a dictionary."""
    return {
        pair["key"]: next(iter(pair["value"].values()), None) for pair in of.get("attributes", [])
    }


def only(spans, name):
    [span] = [span for span in spans if span["name"] == name]
    return span
