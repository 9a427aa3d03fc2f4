"""Private parts of uvicorn that runtime/ uses: a new version may have renamed them."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn import server
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (server.Server, "handle_exit startup"),
        (flow_control.FlowControl, "pause_reading resume_reading"),
        (
            HttpToolsProtocol,
            "_should_upgrade _start_asgi_task _unset_keepalive_if_required connection_lost"
            " connection_made data_received handle_websocket_upgrade on_body on_header"
            " on_headers_complete on_message_begin on_message_complete on_response_complete on_url",
        ),
    ],
)
def test_its_classes_have(owner: type, names: str) -> None:
    assert [name for name in names.split() if not hasattr(owner, name)] == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        (server.Server.startup, "servers"),
        (server.Server.shutdown, "timeout_graceful_shutdown cancel"),
        (
            HttpToolsProtocol.__init__,
            "access_logger app app_state config cycle headers logger loop parser pipeline scope"
            " server_state timeout_keep_alive_task ws_protocol_class",
        ),
        (HttpToolsProtocol.on_message_begin, "headers scope url"),
        (HttpToolsProtocol.connection_made, "FlowControl client flow transport"),
        (HttpToolsProtocol.on_headers_complete, "_start_asgi_task appendleft"),
        (HttpToolsProtocol.on_response_complete, "_start_asgi_task pop resume_reading"),
        (
            RequestResponseCycle.__init__,
            "disconnected keep_alive message_event more_body response_complete scope"
            " waiting_for_100_continue",
        ),
        (flow_control.FlowControl.__init__, "read_paused"),
        (WebSocketsSansIOProtocol.handle_ping, "conn data_to_send transport write"),
        (WebSocketsSansIOProtocol.resume_writing, "set writable"),
        (WebSocketsSansIOProtocol.data_received, "conn receive_data"),
        (WebSocketsSansIOProtocol.handle_events, "events_received"),
        (WebSocketsSansIOProtocol.handle_connect, "accept status_code"),
    ],
)
def test_its_code_uses(code: Callable[..., Any], names: str) -> None:
    assert set(names.split()) <= set(code.__code__.co_names)


def test_a_cycle_is_made_of() -> None:
    made = inspect.signature(httptools_impl.RequestResponseCycle).parameters
    assert set(made) == {
        "access_log",
        "access_logger",
        "default_headers",
        "expect_100_continue",
        "flow",
        "keep_alive",
        "logger",
        "message_event",
        "on_response",
        "scope",
        "transport",
    }
