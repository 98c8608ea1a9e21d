"""OpenTelemetry traces: a collector made of opentelemetry-proto's own messages receives the spans."""

import contextlib
import http.server
import queue
import threading
from concurrent import futures

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import (
    trace_service_pb2,
    trace_service_pb2_grpc,
)

from harness import MANIFEST, Server, http as ask, pixels, predict_seven

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps every request that is exported to it."""

    def __init__(self):
        self.requests = queue.Queue(maxsize=1000)

    def Export(self, request, _context):
        self.requests.put(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self):
        """Service name and span of everything that has arrived."""
        found = []
        while not self.requests.empty():
            for resource in self.requests.get().resource_spans:
                names = {
                    pair.key: pair.value.string_value for pair in resource.resource.attributes
                }
                for scope in resource.scope_spans:
                    found += [(names.get("service.name"), span) for span in scope.spans]
        return found


@contextlib.contextmanager
def over_grpc():
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector, {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    server.stop(0)


@contextlib.contextmanager
def over_http():
    collector = Collector()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
            answer = collector.Export(request, None).SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield (
        collector,
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        },
    )
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("transport", [over_grpc, over_http], ids=["grpc", "http"])
def test_a_request_is_a_span_in_the_trace_of_its_caller(transport):
    with transport() as (collector, settings):
        with Server(MANIFEST, env={**settings, "OTEL_SERVICE_NAME": "digits"}) as server:
            reply = ask(
                server.url("/api/v1.0/predictions"),
                {"data": {"ndarray": pixels(7).tolist()}},
                {"traceparent": f"00-{TRACE}-{PARENT}-01", "Seldon-Puid": "traced-1"},
            )
            assert reply.status == 200
        # What is left is sent when the process stops.
        ours = [
            (service, span)
            for service, span in collector.spans()
            if span.trace_id.hex() == TRACE
        ]
    assert {service for service, _ in ours} == {"digits"}
    [root] = [span for _, span in ours if span.parent_span_id.hex() == PARENT]
    assert root.end_time_unix_nano > root.start_time_unix_nano
    facts = {pair.key: pair.value.string_value for pair in root.attributes}
    assert facts["puid"] == "traced-1"
    assert facts["path"] == "/api/v1.0/predictions"


def test_without_a_parent_a_trace_begins():
    with over_grpc() as (collector, settings):
        with Server(MANIFEST, env=settings) as server:
            predict_seven(server)
        roots = [
            (service, span)
            for service, span in collector.spans()
            if not span.parent_span_id
            and any(pair.value.string_value == "/api/v1.0/predictions" for pair in span.attributes)
        ]
    [(service, root)] = roots
    assert service == "hari"
    assert any(root.trace_id)


def test_a_collector_that_is_away_costs_no_request():
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with Server(MANIFEST, env=away) as server:
        predict_seven(server)


def test_off_means_off():
    with over_grpc() as (collector, settings):
        with Server(MANIFEST, env={**settings, "OTEL_SDK_DISABLED": "true"}) as server:
            predict_seven(server)
        assert collector.spans() == []
