"""OpenTelemetry traces, where an installation asks for them (``HUIXIN_TRACES_URL``).

A span for each request, by the route's template: neither paths nor queries, clients nor subjects are in it. Below that
of a score, how long its group was rated and stored. Names are those of OpenTelemetry's semantic conventions for HTTP; a
caller's ``traceparent`` (W3C Trace Context) is gone on with.
"""

from __future__ import annotations

from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from records.settings import Settings
from scoring.asked import SPAN

PARENT = TraceContextTextMapPropagator()


class Traces:
    """Spans of this process, sent aside; where the collector is away they are dropped, and nothing waits for it."""

    def __init__(self, settings: Settings) -> None:
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.traces_share)),
            resource=Resource.create({"service.name": "huixin", "service.version": version("huixin")}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.traces_url)))
        self.tracer: Tracer = self._provider.get_tracer("huixin")

    def begin(self, scope: Scope) -> Span:
        """The span of a request, under the caller's where that came along."""
        told = {name: value.decode("latin-1") for name, value in scope["headers"] if name.startswith(b"trace")}
        names = {name.decode("latin-1"): value for name, value in told.items()}
        span = self.tracer.start_span(scope["method"], PARENT.extract(names), SpanKind.SERVER)
        SPAN.set(span if span.is_recording() else None)
        return span

    def end(self, span: Span, route: str, method: str, status: int, request_id: str) -> None:
        """The request was answered; ``route`` is a template."""
        if span.is_recording():
            span.update_name(f"{method} {route}")
            span.set_attributes(
                {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": status,
                    "huixin.request_id": request_id,
                }
            )
            if status >= 500:
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", str(status))
        span.end()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
