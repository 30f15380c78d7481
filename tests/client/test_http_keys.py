"""Keys on the wire: where they go and where they are hidden; redirects, addresses with secrets, certificates."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import traceback

import pytest
from loopback import Reply, as_json
from wire_cases import SECRET

import jupyter_prem
from jupyter_prem.client import RedirectRefused


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(service, status, clients):
    elsewhere = f"{service.url}/elsewhere"
    service.script = lambda _: Reply([b""], status, {"location": elsewhere})
    with clients(service.url, SECRET) as client, pytest.raises(RedirectRefused) as caught:
        client.chat("hi", model="m")
    assert elsewhere in caught.value.what
    assert len(service.requests) == 1


def test_the_key_goes_out_as_a_bearer_token_and_nowhere_else(service, monkeypatch, clients):
    monkeypatch.setenv("PREMAI_API_KEY", f" {SECRET}\n")
    service.script = lambda request: as_json(
        {"error": {"message": f"bad {request.headers['authorization']}"}}, 401
    )
    with clients(service.url) as client, pytest.raises(jupyter_prem.AuthenticationError) as caught:
        client.chat("hi", model="m")
    assert service.questions[0].headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET[:8] not in str(caught.value) + repr(caught.value) + repr(client)


def test_without_a_key_there_is_no_header(service, clients):
    with clients(service.url) as client:
        client.chat("hi", model="m")
    assert "authorization" not in service.questions[0].headers


def test_the_key_is_hidden_wherever_a_service_puts_it(service, clients):
    echo = {"error": {"message": f"x {SECRET}", "type": SECRET, "code": SECRET}}
    service.script = lambda _: as_json(echo, 401, **{"x-request-id": SECRET})
    with clients(service.url, SECRET) as client, pytest.raises(jupyter_prem.AuthenticationError) as caught:
        client.chat("hi", model="m")
    assert SECRET[:8] not in str(caught.value) + repr(vars(caught.value))
    service.script = lambda _: as_json(echo)
    with clients(service.url, SECRET) as client, pytest.raises(jupyter_prem.APIStreamError) as caught:
        client.chat("hi", model="m")
    assert SECRET[:8] not in str(caught.value) + repr(vars(caught.value))


def test_no_frame_of_an_error_holds_the_key(clients):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with clients(url, SECRET) as client:
        try:
            client.chat("hi", model="m")
        except jupyter_prem.APIConnectionError as error:
            shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            context = error.__context__
    assert context is None
    assert "Traceback" in shown
    assert SECRET[:8] not in "".join(line for line in shown.splitlines() if "SECRET" not in line)


@pytest.mark.parametrize(
    "url",
    ["https://h.example/v1?api_key=hidden-1", "ada:hidden-1@h.example", "https://ada:hidden-1@h.example"],
)
def test_an_address_with_a_secret_is_refused_without_showing_it(url, clients):
    with pytest.raises(jupyter_prem.ConfigurationError) as caught:
        clients(url)
    assert "hidden-1" not in str(caught.value)


def test_a_certificate_that_nobody_signed_is_refused_on_this_machine_too(tmp_path, clients):
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run(
        [*command, "-keyout", tmp_path / "k.pem", "-out", tmp_path / "c.pem"], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
    seen = []

    def serve():
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            seen.append(connection.recv(1000))

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    with clients(url, SECRET) as client, pytest.raises(jupyter_prem.APIConnectionError, match="certificate"):
        client.chat("hi", model="m")
    thread.join(5)
    listener.close()
    assert seen == []
