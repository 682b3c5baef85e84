//! The description of the routes for machines: an `OpenAPI` 3.1 document, made of the same table that requests are routed
//! by and of the same limits that they are held to.

use attune_core::event::MAX_UNIT_BYTES;
use serde_json::{Map, Value, json};

use super::route::Route;
use crate::limits::{DEFAULT_BODY_LIMIT, Limits, MAX_EVENTS, MAX_TOUCHPOINTS};

mod schemas;

/// The document. It says what this build answers, so that its version is the build's.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in Route::ALL {
        let method = if route.takes(&axum::http::Method::GET) {
            "get"
        } else if route.takes(&axum::http::Method::POST) {
            "post"
        } else {
            "delete"
        };
        paths.insert(route.template().to_owned(), json!({ (method): operation(route) }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Attune decider",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What each visitor of one channel sees: OFREP 0.3.0 and the native API.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        // Where a deployment has keys; else nobody is asked for one.
        "security": [{}, {"bearer": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "token": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    })
}

fn operation(route: Route<'_>) -> Value {
    let mut responses = successes(route);
    let failure = if route.is_ofrep() { "Failure" } else { "Problem" };
    let mut add = |status: &str, description: &str| {
        responses.insert(status.to_owned(), error(description, failure));
    };
    if route.is_guarded() {
        add("401", "no key, where the deployment has keys");
    }
    let takes_body = route.takes(&axum::http::Method::POST);
    if takes_body {
        add("400", "the body is no JSON, or not what it should be");
        add(
            "413",
            &format!("the body is larger than allowed ({DEFAULT_BODY_LIMIT} bytes by default)"),
        );
        add(
            "503",
            "too much to do, or nothing to answer with yet; see Retry-After",
        );
    }
    match route {
        Route::Flag(_) => add("404", "no such touchpoint"),
        Route::Decide => add("404", "one of the touchpoints, or the label, is not there"),
        Route::Explain => {
            add("403", "clients of the channel are told the reason only");
            add("404", "one of the touchpoints, or the label, is not there");
        }
        Route::Membership => {
            add("400", "no unit");
            add("403", "clients of the channel are told the reason only");
            add("503", "no bundle yet");
        }
        Route::Unit(_) => {
            add("400", "no unit");
            add("403", "clients of the channel are told the reason only");
            add("502", "forgotten here; the collector did not erase it");
            add("503", "no bundle yet, or the queue is full");
            add("504", "forgotten here; the collector did not answer in time");
        }
        Route::Events => {
            add("403", "an event is of another namespace");
            add("415", "the content type is none that events come as");
        }
        Route::Changes => add("503", "too many event streams"),
        _ => {}
    }
    let mut operation = Map::new();
    let mut say = |name: &str, value: Value| _ = operation.insert(name.to_owned(), value);
    say("summary", summary(route).into());
    say("operationId", route.name().into());
    if let Some(parameters) = parameters(route) {
        say("parameters", parameters);
    }
    if takes_body {
        say("requestBody", request(route));
    }
    say("responses", responses.into());
    if !route.is_guarded() {
        say("security", json!([{}]));
    } else if route == Route::Changes {
        say(
            "security",
            json!([{}, {"bearer": []}, {"apiKey": []}, {"token": []}]),
        );
    }
    operation.into()
}

fn parameters(route: Route<'_>) -> Option<Value> {
    Some(match route {
        Route::Flag(_) => json!([
            {"name": "touchpoint", "in": "path", "required": true, "schema": {"type": "string"}}
        ]),
        Route::Flags => json!([
            {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}},
            {"name": "flagConfigEtag", "in": "query", "schema": {"type": "string"},
             "description": "What the event said; every answer is by the newest rules, so that it changes nothing."},
            {"name": "flagConfigLastModified", "in": "query", "schema": {"type": ["string", "integer"]}}
        ]),
        Route::Membership => json!([
            {"name": "unit", "in": "query", "required": true, "schema": {"type": "string", "minLength": 1}}
        ]),
        Route::Unit(_) => json!([
            {"name": "unit", "in": "path", "required": true, "schema": schemas::text(MAX_UNIT_BYTES)}
        ]),
        Route::Changes => json!([
            {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}
        ]),
        _ => return None,
    })
}

fn request(route: Route<'_>) -> Value {
    let depth = Limits::default().shape.depth;
    match route {
        Route::Events => json!({
            "required": true,
            "description": format!("One event or a batch of {MAX_EVENTS} at most."),
            "content": {
                "application/cloudevents+json": {"schema": schemas::named("Event")},
                "application/cloudevents-batch+json": {"schema": schemas::named("Batch")},
                "application/json": {"schema": {"oneOf": [schemas::named("Event"), schemas::named("Batch")]}},
            }
        }),
        Route::Decide => json_body(
            "Page",
            &format!("1 to {MAX_TOUCHPOINTS} touchpoints, the most important first."),
        ),
        Route::Explain => json_body("Question", "What would be decided, and why."),
        _ => json_body("Request", &format!("A context, {depth} levels deep at most.")),
    }
}

fn json_body(schema: &str, description: &str) -> Value {
    json!({
        "required": true,
        "description": description,
        "content": {"application/json": {"schema": schemas::named(schema)}}
    })
}

fn error(description: &str, schema: &str) -> Value {
    let content_type = if schema == "Failure" {
        "application/json"
    } else {
        "application/problem+json"
    };
    json!({"description": description, "content": {content_type: {"schema": schemas::named(schema)}}})
}

/// What a route is for.
fn summary(route: Route<'_>) -> &'static str {
    match route {
        Route::Flag(_) => "One decision; it counts as shown where its binding says so.",
        Route::Flags => "Every decision; it records and charges nothing.",
        Route::Changes => "An event for each change of the rules.",
        Route::Decide => "Several touchpoints of one page; no module wins twice.",
        Route::Events => "Exposures and outcomes, acknowledged once the collector has them.",
        Route::Explain => "Why a decision comes out as it does; it records and charges nothing.",
        Route::Membership => "Which holdouts and arms a unit falls into.",
        Route::Unit(_) => "Forgets a unit, here and in the collector.",
        Route::Healthz => "Whether the process is alive.",
        Route::Startupz => "Whether it has rules, or no longer waits for them.",
        Route::Readyz => "Whether it should be asked.",
        Route::Metrics => "What it counts, as OpenMetrics.",
        Route::UnknownFlag | Route::Unknown => "",
    }
}

/// What a route answers when all is well.
fn successes(route: Route<'_>) -> Map<String, Value> {
    let (status, description, content) = match route {
        Route::Flag(_) => ("200", "the decision", json_answer("Success")),
        Route::Flags => ("200", "the decisions", json_answer("Bulk")),
        Route::Changes => ("200", "the stream", text("text/event-stream")),
        Route::Decide => (
            "200",
            "the decisions, in the order asked for",
            json_answer("Decisions"),
        ),
        Route::Events => ("202", "the collector has them all", json_answer("Accepted")),
        Route::Explain => ("200", "the decision and its steps", json_answer("Explanation")),
        Route::Membership => ("200", "the unit's places", json_answer("Places")),
        Route::Unit(_) => ("200", "what was forgotten", json_answer("Forgotten")),
        Route::Metrics => ("200", "the metrics", text("application/openmetrics-text")),
        _ => ("200", "it is so", text("text/plain")),
    };
    let mut responses = Map::new();
    let mut add = |status: &str, value: Value| _ = responses.insert(status.to_owned(), value);
    add(status, json!({"description": description, "content": content}));
    if route == Route::Flags {
        add("304", json!({"description": "the client has the answer already"}));
    }
    if matches!(route, Route::Startupz | Route::Readyz) {
        add(
            "503",
            json!({"description": "not yet, or no more", "content": text("text/plain")}),
        );
    }
    responses
}

fn json_answer(schema: &str) -> Value {
    json!({"application/json": {"schema": schemas::named(schema)}})
}

fn text(content_type: &str) -> Value {
    json!({content_type: {"schema": {"type": "string"}}})
}
