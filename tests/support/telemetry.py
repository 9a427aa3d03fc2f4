"""The receivers of a service's telemetry: an OpenTelemetry collector, Sentry and Prometheus."""

import gzip
import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from .service import eventually

SECRETS = {name: f"secret-{name}-{uuid4().hex}" for name in ("query", "header", "cookie", "body", "key")}
KINDS = ("", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")


@dataclass(frozen=True)
class Span:
    """A received span."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    failed: bool


class Receiver:
    """Keeps what is posted to it. It answers with `status`, after `seconds` and when `free` is set."""

    def __init__(self) -> None:
        self.status, self.seconds = 200, 0
        self.bodies: list[tuple[str, bytes]] = []
        self.free = threading.Event()
        self.free.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver.free.wait()
                time.sleep(receiver.seconds)
                if receiver.status == 200:
                    receiver.bodies.append((self.path, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        """The value for OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def dsn(self) -> str:
        """The value for SENTRY_DSN."""
        return f"http://key@127.0.0.1:{self.port}/42"

    def text(self) -> str:
        """Return everything received, to look for what must not be in it."""
        return "\n".join(body.decode("latin-1") for _, body in list(self.bodies))

    # What OpenTelemetry sends

    def spans(self, kind: str = "", **attributes: Any) -> list[Span]:
        """Return the spans of a kind that have these attributes. In their names, _ stands for a dot."""
        wanted = {name.replace("_", "."): value for name, value in attributes.items()}
        found = [span for path, body in list(self.bodies) if path == "/v1/traces" for span in _spans(body)]
        return [
            span
            for span in found
            if (not kind or span.kind == kind) and wanted.items() <= span.attributes.items()
        ]

    def wait_spans(self, count: int, kind: str = "", **attributes: Any) -> list[Span]:
        """Wait for `count` such spans, and return them."""
        eventually(lambda: len(self.spans(kind, **attributes)) >= count, f"{count} spans {kind} {attributes}")
        return self.spans(kind, **attributes)

    def points(self, name: str) -> list[dict[str, Any]]:
        """Return the attributes and the count of each point of a histogram, oldest first."""
        found = []
        for path, body in list(self.bodies):
            if path == "/v1/metrics":
                for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    own = _values(resource.resource.attributes)
                    for scope in resource.scope_metrics:
                        for metric in scope.metrics:
                            if metric.name == name:
                                found += [
                                    {**_values(point.attributes), "count": point.count, "of": own}
                                    for point in metric.histogram.data_points
                                ]
        return found

    # What Sentry's SDK sends

    def errors(self) -> list[dict[str, Any]]:
        """Return the events."""
        found = []
        for path, body in list(self.bodies):
            if path == "/api/42/envelope/":
                _, *rest = body.split(b"\n")
                pairs = zip(rest[::2], rest[1::2], strict=False)
                found += [json.loads(item) for head, item in pairs if json.loads(head)["type"] == "event"]
        return found


def _spans(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        own = _values(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    span.name,
                    KINDS[span.kind],
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    _values(span.attributes),
                    own,
                    span.status.code == 2,
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver during the block."""
    made = Receiver()
    try:
        yield made
    finally:
        made.free.set()
        made.server.shutdown()
        made.server.server_close()


def told_to(collector: Receiver, **variables: str) -> Mapping[str, str]:
    """Return the variables with which a service sends its telemetry to a receiver."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={SECRETS['key']}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "SENTRY_DSN": collector.dsn,
        "SHUTDOWN_DRAIN_SECONDS": "0",
        **variables,
    }


type Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(port: int) -> Series:
    """Request the metrics as Prometheus does, and return each series' value by its name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(series: Series, name: str, **labels: str) -> float:
    """Return the sum of the series with this name and these labels."""
    return sum(
        value for (found, own), value in series.items() if found == name and labels.items() <= set(own)
    )
