#!/usr/bin/env python3
"""ATTUNE_SECRET=whsec_... receiver.py FILE [PORT]: takes flag definitions that Attune pushes, keeps them over a restart, and
decides with the stock evaluator of flagd."""
import base64, hmac, json, os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

SECRET = base64.b64decode(os.environ["ATTUNE_SECRET"].removeprefix("whsec_"))
TOLERANCE, LIMIT = 300, 16 << 20
FILE, PORT = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 8080
state, taking = {"at": 0, "core": None, "revision": None}, threading.Lock()


def verified(headers, body):
    """Whether Attune signed exactly this, and not long ago."""
    stamp = headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit()) or abs(time.time() - int(stamp)) > TOLERANCE:
        return False
    signed = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + body
    wanted = b"v1," + base64.b64encode(hmac.digest(SECRET, signed, "sha256"))
    found = headers.get("webhook-signature", "").encode("latin-1").split(b" ")
    return any(hmac.compare_digest(one, wanted) for one in found)


def read(at, document):
    core = FlagdCore()
    core.set_flags(document)
    return {"at": at, "core": core, "revision": json.loads(document)["metadata"]["attune.revision"]}


def take(at, document, revision):
    """Keeps a document and decides by it; one that is older than what is kept, or cannot be read, changes nothing."""
    new = read(at, document)
    if new["revision"] != revision:
        raise ValueError("the revision is not the document's")
    with taking:
        if at >= state["at"]:
            with open(FILE + ".new", "w") as file:
                json.dump({"at": at, "document": document}, file)
                file.flush(), os.fsync(file.fileno())
            os.replace(FILE + ".new", FILE)
            state.update(new)


def answer(request):
    url, length = urlsplit(request.path), int(request.headers.get("content-length", 0))
    if request.command == "POST" and url.path == "/decide":
        context = json.loads(request.rfile.read(min(length, LIMIT)))
        asked = EvaluationContext(context.pop("targetingKey", None), context)
        found = state["core"].resolve_object_value(parse_qs(url.query)["touchpoint"][0], {}, asked)
        return 200, {"variant": found.variant, "value": found.value}
    if request.command == "POST":
        body = request.rfile.read(min(length, LIMIT))
        if not verified(request.headers, body):
            return 401, {"error": "the signature or its time is wrong"}
        take(int(request.headers["webhook-timestamp"]), body.decode(), request.headers.get("attune-revision"))
    return 200, {"revision": state["revision"]}


class Receiver(BaseHTTPRequestHandler):
    def handle_one(self):
        try:
            status, body = answer(self)
        except Exception as error:
            status, body = 400, {"error": repr(error)}
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_GET = do_POST = handle_one


if os.path.exists(FILE):
    state.update(read(**json.load(open(FILE))))
ThreadingHTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
