"""Who is asked: deciders, each with an operator of its own that publishes the example's rules."""

import hashlib
import http.server
import json
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

# The web Channel of the example strategy, as the compiler makes it.
BUNDLE = Path(__file__).resolve().parents[2] / "operator/fuzz/corpus/bundle/shop.json"
# 2026-12-01T00:00:00Z, in the days of the example's experiment.
AT = 1_796_083_200

# What certificates say, for OpenSSL; nothing of the machine's own configuration is read.
CERTIFICATES = """
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        # A decider that was stopped waits for no answer any more.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Operator:
    """Publishes one bundle and, when it is told to, another with other words; takes events where the collector would."""

    def __init__(self):
        self.bundle, self.changed = json.loads(BUNDLE.read_text()), threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with outer.changed:
                    if self.headers.get("if-none-match") == outer.tag():
                        outer.changed.wait(5)
                    body, tag = outer.canonical(), outer.tag()
                status = 304 if self.headers.get("if-none-match") == tag else 200
                self.answer(status, b"" if status == 304 else body, ("etag", tag))

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", "0")))
                if self.path == "/v1/events":
                    self.answer(202, b"", ("content-length", "0"))
                    return
                # Deciders tell what they counted, too.
                if self.path == "/change":
                    outer.change()
                self.answer(204, b"", ("access-control-allow-origin", "*"))

            def do_DELETE(self):
                # Nothing is kept here that could be forgotten.
                self.answer(200, b"{}", ("content-type", "application/json"))

            def answer(self, status, body, header):
                self.send_response(status)
                self.send_header(*header)
                if status == 200:
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def canonical(self):
        return json.dumps(self.bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def tag(self):
        return f'"{hashlib.sha256(self.canonical()).hexdigest()[:32]}"'

    def change(self):
        with self.changed:
            for module in self.bundle["modules"].values():
                for variant in module["variants"]:
                    if variant["name"] == "everyone":
                        variant["content"]["headline"] = "Welcome back"
            self.changed.notify_all()


class Decider:
    """A decider; whoever leaves it has it stopped."""

    authority = None

    def __init__(self, program, *more):
        self.operator = Operator()
        command = [program, "--listen", "127.0.0.1:0", "--operator", self.operator.url, "--collector", self.operator.url,
                   "--namespace", "shop", "--channel", "web", "--id", "clients-0", "--allow-origins", "*", "--log-json",
                   f"--clock-offset={AT - int(time.time())}s", *more]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            fields = json.loads(line).get("fields", {})
            if fields.get("message") == "listening":
                break
        else:
            raise SystemExit("the decider does not listen")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.url = f"{'https' if fields['tls'] else 'http'}://{fields['address']}"

    def __enter__(self):
        trusted = ssl.create_default_context(cafile=self.authority) if self.authority else None
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/readyz", timeout=2, context=trusted)
                return self
            except OSError:
                time.sleep(0.05)
        self.__exit__()
        raise SystemExit("the decider is not ready")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


class Guarded(Decider):
    """One that answers over TLS those that show its key. Nobody trusts its authority who is not told to; another one, of the
    same name, has signed nothing."""

    key = "the-key-of-the-clients"

    def __init__(self, program):
        self.directory = tempfile.TemporaryDirectory(prefix="attune-clients-")
        inside = Path(self.directory.name)
        (inside / "config").write_text(CERTIFICATES)
        (inside / "keys").write_text(f"# of others\nsomebody-elses\n{self.key}\n")
        self.authority, self.other = inside / "authority.crt", inside / "other.crt"
        for name in ["authority", "other"]:
            certify(inside, name, "authority")
        certify(inside, "server", "server", "-CA", self.authority, "-CAkey", inside / "authority.key")
        super().__init__(program, "--keys-file", inside / "keys", "--tls-cert-file", inside / "server.crt",
                         "--tls-key-file", inside / "server.key")

    def __exit__(self, *_):
        super().__exit__()
        self.directory.cleanup()


def certify(directory, name, kind, *by):
    """Makes a key and a certificate; it signs itself unless somebody else does."""
    command = ["openssl", "req", "-x509", "-config", directory / "config", "-extensions", kind, "-subj", f"/CN=attune test {kind}",
               "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2",
               "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.crt", *by]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if made.returncode != 0:
        raise SystemExit(f"openssl: {made.stderr}")
