"""Runs the example receivers, and meets them as a sender of rules and as one who asks for decisions."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import socket
import subprocess
import time
from pathlib import Path

STRATEGY = Path(__file__).resolve().parents[2] / "examples/channels/strategy.yaml"
CHANNEL, TOUCHPOINT = "kiosk", "start"
SECRET = b"a secret of the test, 32 bytes.."
CONTEXTS = 40


class Receiver:
    """A receiver in a process of its own, on a free port."""

    def __init__(self, command, kept, cwd):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {**os.environ, "ATTUNE_SECRET": "whsec_" + base64.b64encode(SECRET).decode()}
        self.command, self.cwd, self.environment = [*map(str, command), str(kept), str(self.port)], cwd, environment

    def __enter__(self):
        self.process = subprocess.Popen(self.command, cwd=self.cwd, env=self.environment, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                self.ask("GET", "/")
                return self
            except OSError:
                assert self.process.poll() is None, f"{self.command} ended"
                time.sleep(0.1)
        raise TimeoutError(f"{self.command} does not answer")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def push(self, body, at=None, secret=SECRET, signed=None, revision=None):
        """Sends a document as Attune does."""
        revision = revision or revision_of(body)
        at = str(int(time.time()) if at is None else at)
        text = f"{revision}.{at}.".encode() + (body if signed is None else signed)
        signature = base64.b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()
        # Of several signatures, as while a secret is changed, one has to be right.
        headers = {"webhook-id": revision, "webhook-timestamp": at, "webhook-signature": f"v1,AAAA v1,{signature}",
                   "attune-revision": revision, "content-type": "application/json"}
        return self.ask("POST", "/", body, headers)

    def revision(self):
        return self.ask("GET", "/")[1]["revision"]


def revision_of(document):
    return json.loads(document)["metadata"]["attune.revision"]


def changed(document, revision):
    """The same rules under another revision."""
    other = json.loads(document)
    other["metadata"]["attune.revision"] = revision
    return json.dumps(other).encode()


def export(attune):
    command = [attune, "export", "-f", STRATEGY, "--channel", CHANNEL, "--format", "flagd"]
    return subprocess.run(command, check=True, capture_output=True).stdout.strip()


def equal(found, wanted):
    assert found == wanted, f"{found} is not {wanted}"


def refuses_what_is_not_signed(receiver, document, kept):
    for status in [
        receiver.push(document, secret=b"another secret"),
        receiver.push(document, at=int(time.time()) - 3600),
        receiver.push(document, at=int(time.time()) + 3600),
        receiver.push(document, signed=document + b" "),
        receiver.ask("POST", "/", document),
    ]:
        equal(status[0], 401)
    equal(receiver.push(document, revision="of-another")[0], 400)
    equal(receiver.push(b"{", revision="of-nothing")[0], 400)
    equal(receiver.revision(), None)
    assert not kept.exists(), "what is not verified is not kept"


def takes_what_is_signed(receiver, document):
    now, revision = int(time.time()), revision_of(document)
    older = changed(document, "older")
    for sent, at, stands in [
        (older, now - 20, "older"),
        (document, now - 10, revision),
        (document, now - 10, revision),
        (older, now - 20, revision),
    ]:
        equal(receiver.push(sent, at), (200, {"revision": stands}))
    # What was sent before the newest and comes late changes nothing; going back to it on purpose is a new message.
    equal(receiver.revision(), revision)
    equal(receiver.push(older, now - 5), (200, {"revision": "older"}))
    equal(receiver.push(document, now), (200, {"revision": revision}))


def decides_as_we_do(receiver, attune, rng):
    variants = set()
    for number in range(CONTEXTS):
        context = {
            "targetingKey": f"visitor-{rng.randrange(10**6)}",
            "consent": rng.choice([["personalization"], {"personalization": "Implied"}, [], {"personalization": "Denied"}]),
            "locale": rng.choice(["de", "de-AT", "en-GB", "fr"]),
            "user": {"tier": rng.choice(["none", "silver", "gold", 7]), "visits": rng.choice([1, 3, 40, "3"])},
            "session": {"country": rng.choice(["DE", "FR"])},
        }
        if number % 2:
            context |= {"consent": ["personalization"], "user": {"tier": "gold" if number % 4 > 1 else "none", "visits": 9},
                        "session": {"country": "DE"}}
        command = [attune, "decide", "-f", STRATEGY, "--channel", CHANNEL, "--touchpoint", TOUCHPOINT,
                   "--context", json.dumps(context)]
        wanted = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        status, found = receiver.ask("POST", f"/decide?touchpoint={TOUCHPOINT}", json.dumps(context))
        equal(status, 200)
        equal(found["value"], wanted["value"])
        equal(found["variant"].split("@")[0], wanted["variant"])
        variants.add(found["variant"])
    assert len(variants) > 3, f"only {variants} were decided"


def receivers(attune, folder, programs):
    document = export(attune)
    for name, command, cwd in programs:
        kept, rng = folder / f"{name}.kept", random.Random(20261128)
        with Receiver(command, kept, cwd) as receiver:
            refuses_what_is_not_signed(receiver, document, kept)
            takes_what_is_signed(receiver, document)
            decides_as_we_do(receiver, attune, rng)
        with Receiver(command, kept, cwd) as receiver:
            equal(receiver.revision(), revision_of(document))
            decides_as_we_do(receiver, attune, rng)
        print(f"receiver {name}: takes what is signed, keeps it over a restart, decides as we do {2 * CONTEXTS} times")
