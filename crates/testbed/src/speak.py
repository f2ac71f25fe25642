"""Sends services what sidecars treat in different ways, and prints one line per result.

Usage: speak.py NAME HTTP UNDECLARED TLS: the full name of the HTTP service, and ADDRESS:PORT of a port of each kind.
With `uid:NUMBER` as the name, it speaks only TLS, as that user. User 1337 speaks as a client outside the mesh.
"""

import encodings.idna  # noqa: F401: name lookups need it, and the other user may not be able to read it.
import os
import socket
import ssl
import subprocess
import sys

PATIENCE = 5


def place(text):
    address, port = text.rsplit(":", 1)
    return address, int(port)


def exchange(to, words, encrypt=False):
    """Returns the answer, or how the exchange ended without one."""
    try:
        with socket.create_connection(to, PATIENCE) as plain:
            connection = plain
            if encrypt:
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                connection = context.wrap_socket(plain, server_hostname="stranger.example")
            connection.sendall(words)
            answer = b""
            while True:
                more = connection.recv(65536)
                answer += more
                if not more or is_whole(answer):
                    return answer or "closed"
    except ssl.SSLError:
        return "closed"
    except ConnectionError:
        return "closed"
    except TimeoutError:
        return answer or "silence"


def is_whole(answer):
    if answer.startswith(b"bytes "):
        return True
    head, _, body = answer.partition(b"\r\n\r\n")
    length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")]
    return bool(length) and len(body) >= int(length[0].split()[1])


def told(answer):
    """Describes an answer: its status and whether the application or a proxy sent it, or what became of other bytes."""
    if isinstance(answer, str):
        return answer
    if answer.startswith(b"bytes "):
        return "passed as bytes"
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ")[1].decode()
    return f"{status} of the application" if b" HTTP/1." in body else f"{status} of a proxy"


def http_2(to):
    address = f"{to[0]}:{to[1]}"
    ask = ["curl", "--silent", "--http2-prior-knowledge", "--max-time", str(PATIENCE)]
    show = ["--output", "/dev/null", "--write-out", "%{http_code} over HTTP/%{http_version}"]
    asked = subprocess.run(ask + show + [f"http://{address}/"], capture_output=True, text=True)
    return asked.stdout if asked.returncode == 0 else "closed"


def request(path, name, *headers, version="1.1", method="GET"):
    lines = [f"{method} {path} HTTP/{version}", f"Host: {name}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def main():
    name = sys.argv[1]
    http, undeclared, encrypted = map(place, sys.argv[2:])
    rows = []
    if name.startswith("uid:"):
        for become in [os.setgid, os.setuid]:
            become(int(name.removeprefix("uid:")))
    else:
        old = request("/", name, version="1.0")
        rows += [("HTTP/1.1 to an HTTP port", told(exchange(http, request("/", name))))]
        for kind, to in [("HTTP", http), ("undeclared", undeclared)]:
            rows += [
                (f"HTTP/1.0 to an {kind} port", told(exchange(to, old))),
                (f"bytes to an {kind} port", told(exchange(to, b"hello\n"))),
                (f"HTTP/2 to an {kind} port", http_2(to)),
            ]
        rows += [("a name with a dot at its end", told(exchange(http, request("/", name + "."))))]
        expecting = request("/", name, "Expect: 100-continue", "Content-Length: 5", method="POST")
        answer = exchange(http, expecting)
        heard = isinstance(answer, bytes) and b"expect: 100-continue" in answer.lower()
        rows += [("Expect: 100-continue", "heard by the application" if heard else told(answer))]
        rows += [("a path with #", told(exchange(http, request("/x#y", name))))]
        grpc = ["content-type: application/grpc", "te: trailers"]
        answer = exchange(http, request("/slow", name, *grpc, "grpc-timeout: 100m", method="POST"))
        lines = answer.decode().lower().split("\r\n") if isinstance(answer, bytes) else [answer]
        # Both proxies end it at the same time, so either of them may be first.
        status = [line for line in lines if line.startswith("grpc-status")]
        ended = status in (["grpc-status: 4"], ["grpc-status: 14"])
        rows += [("grpc-timeout", "ended in time by a proxy" if ended else ", ".join(status) or told(answer))]
    for kind, to in [("a TCP", encrypted), ("an HTTP", http), ("an undeclared", undeclared)]:
        rows += [(f"TLS of its own to {kind} port", told(exchange(to, request("/", "a"), encrypt=True)))]
    for what, outcome in rows:
        print(f"{what}: {outcome}")


main()
