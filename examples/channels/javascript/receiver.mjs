#!/usr/bin/env node
// Takes flag definitions that Attune pushes, keeps them over a restart, and decides with the stock evaluator of flagd.
//
// ATTUNE_SECRET=whsec_... receiver.mjs FILE [PORT]
import { createHmac, timingSafeEqual } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { FlagdCore } from "@openfeature/flagd-core";

const secret = Buffer.from(process.env.ATTUNE_SECRET.replace(/^whsec_/, ""), "base64");
const [file, port = "8080"] = process.argv.slice(2);
const [tolerance, limit] = [300, 16 << 20];
let state = { at: 0, core: undefined, revision: null };

/** Whether Attune signed exactly this, and not long ago. */
function verified(headers, body) {
  const stamp = headers["webhook-timestamp"] ?? "";
  if (!/^[0-9]+$/.test(stamp) || Math.abs(Date.now() / 1000 - Number(stamp)) > tolerance) return false;
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${stamp}.`), body]);
  const wanted = Buffer.from(`v1,${createHmac("sha256", secret).update(signed).digest("base64")}`);
  const found = (headers["webhook-signature"] ?? "").split(" ").map((one) => Buffer.from(one));
  return found.some((one) => one.length === wanted.length && timingSafeEqual(one, wanted));
}

function parse(at, document) {
  const core = new FlagdCore();
  core.setConfigurations(document);
  return { at, core, revision: JSON.parse(document).metadata["attune.revision"] };
}

/** Keeps a document and decides by it; one that is older than what is kept, or cannot be read, changes nothing. */
function take(at, document, revision) {
  const taken = parse(at, document);
  if (taken.revision !== revision) throw new Error("the revision is not the document's");
  if (at < state.at) return;
  const kept = openSync(`${file}.new`, "w");
  writeFileSync(kept, JSON.stringify({ at, document }));
  fsyncSync(kept);
  closeSync(kept);
  renameSync(`${file}.new`, file);
  state = taken;
}

async function read(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > limit) throw new Error("too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function answer(request) {
  const url = new URL(request.url, "http://receiver");
  if (request.method === "GET") return [200, { revision: state.revision }];
  const body = await read(request);
  if (url.pathname === "/decide") {
    const found = state.core.resolveObjectEvaluation(url.searchParams.get("touchpoint"), {}, JSON.parse(body));
    return [200, { variant: found.variant, value: found.value }];
  }
  if (!verified(request.headers, body)) return [401, { error: "the signature or its time is wrong" }];
  take(Number(request.headers["webhook-timestamp"]), body.toString(), request.headers["attune-revision"]);
  return [200, { revision: state.revision }];
}

if (existsSync(file)) {
  const kept = JSON.parse(readFileSync(file, "utf8"));
  state = parse(kept.at, kept.document);
}
createServer(async (request, response) => {
  const [status, body] = await answer(request).catch((error) => [400, { error: String(error) }]);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}).listen(Number(port), "127.0.0.1");
