"""Answers each request with a description of it, as JSON. `/metrics` has their number in Prometheus' text format.

Usage: echo.py PORT [CERTIFICATE KEY AUTHORITY]. The last three make it serve TLS, to clients that AUTHORITY signed.
"""

import http.server
import json
import ssl
import sys


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes. The second must not wait for the acknowledgement of the first.
    disable_nagle_algorithm = True

    requests = 0

    def do_GET(self):
        Echo.requests += 1
        if self.path == "/metrics":
            return self.tell_metrics()
        seen = {"peer": self.client_address[0], "version": self.request_version, "headers": dict(self.headers)}
        if isinstance(self.connection, ssl.SSLSocket):
            seen["tls"] = self.connection.version()
            seen["alpn"] = self.connection.selected_alpn_protocol()
            seen["names"] = self.connection.getpeercert()["subjectAltName"]
        body = json.dumps(seen).encode()
        self.send_response(200)
        if self.path == "/details/0":
            # As long as Bookinfo's answer at this path.
            body = b" " * 178
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/unavailable":
            # gRPC's status UNAVAILABLE, which a proxy may retry.
            self.send_header("grpc-status", "14")
        self.end_headers()
        self.wfile.write(body)

    def tell_metrics(self):
        body = f'# TYPE echo_requests_total counter\necho_requests_total{{method="GET"}} {Echo.requests}\n'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Echo)
if len(sys.argv) > 2:
    certificate, key, authority = sys.argv[2:]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key)
    # The protocols that an inbound sidecar offers, in its order.
    context.set_alpn_protocols(["h2", "http/1.1"])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
