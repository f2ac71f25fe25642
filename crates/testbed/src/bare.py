"""Answers without an HTTP library: an HTTP request with its own head, and other bytes with themselves.

Usage: bare.py PORT... TLS is answered with TLS, with a certificate of an unknown authority. `/slow` takes a second.
"""

import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time


class Bare(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            if self.request.recv(1, socket.MSG_PEEK) == b"\x16":
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
            while self.answer():
                pass
        except OSError:
            pass

    def answer(self):
        said = self.request.recv(65536)
        if b" HTTP/1." not in said:
            self.request.sendall(b"bytes " + said)
            return False
        while b"\r\n\r\n" not in said:
            said += self.request.recv(65536)
        head = said.split(b"\r\n\r\n")[0]
        if head.split(b" ")[1] == b"/slow":
            time.sleep(1)
        length = b"Content-Length: %d\r\n" % len(head)
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + length + b"\r\n" + head)
        return b" HTTP/1.1" in head


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def stranger():
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/key.pem", f"{folder}/certificate.pem"]
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        made = ["-subj", "/CN=stranger", "-keyout", files[0], "-out", files[1]]
        subprocess.run(make + made, check=True, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files[1], files[0])
        return context


Server.context = stranger()
for port in sys.argv[1:]:
    server = Server(("", int(port)), Bare)
    threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
