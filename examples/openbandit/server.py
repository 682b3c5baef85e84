"""An `attune serve` and the requests that the replay sends to it, over connections that are kept open."""

import http.client
import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

_STARTED = "attune serves on "
_START_TIMEOUT = 60
_STOP_TIMEOUT = 30
_REQUEST_TIMEOUT = 60


class ServerError(Exception):
    """The server does not run, or answers what it should not."""


class ServeProcess:
    """An `attune serve` on a free port of the loopback interface; it ends with the `with` block."""

    def __init__(self, attune: Path, resources: Path, at: str):
        self._data = tempfile.TemporaryDirectory(prefix="attune-openbandit-")
        command = [str(attune), "serve", "-f", str(resources), "--listen", "127.0.0.1:0", "--data", self._data.name]
        try:
            self._process = subprocess.Popen([*command, "--at", at], stderr=subprocess.PIPE, text=True)
        except OSError as error:
            self._data.cleanup()
            raise ServerError(f"{attune} does not start ({error}); build it by `cargo build -p attune`") from error
        self._said: list[str] = []
        self._address: str | None = None
        self._announced = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self._process.stderr:
            self._said.append(line)
            if line.startswith(_STARTED):
                self._address = line.removeprefix(_STARTED).strip()
                self._announced.set()
        self._announced.set()

    def __enter__(self) -> str:
        """The address that it serves on."""
        self._announced.wait(_START_TIMEOUT)
        if self._address is None:
            self._stop()
            raise ServerError("attune serve did not start:\n" + "".join(self._said))
        return self._address

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        self._data.cleanup()


class Connection:
    """One connection that is kept open; not for several threads at once."""

    def __init__(self, server: str):
        address = urlsplit(server)
        if address.scheme != "http" or address.hostname is None:
            raise ServerError(f"`{server}` is no address of a server: write it as http://127.0.0.1:8016")
        self._server = server
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=_REQUEST_TIMEOUT)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str) -> dict:
        """The JSON at a path."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, document: object, content_type: str = "application/json") -> dict:
        """The answer to a document."""
        return self._ask("POST", path, json.dumps(document), {"Content-Type": content_type})

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> dict:
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(f"{self._server}{path} does not answer: {error!r}") from error
        if response.status != http.client.OK:
            raise ServerError(f"{method} {path} answers {response.status}: {text.decode(errors='replace')}")
        return json.loads(text)


def built_attune() -> Path:
    """Where `cargo build -p attune` puts the program: in the folder of this machine's kind."""
    repository = Path(__file__).resolve().parents[2]
    machine = subprocess.run(["rustc", "--print", "host-tuple"], check=True, capture_output=True, text=True).stdout.strip()
    return Path(os.environ.get("CARGO_TARGET_DIR") or repository / "target") / machine / "debug" / "attune"
