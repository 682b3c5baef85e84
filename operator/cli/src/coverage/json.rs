//! The matrix as data.

use attune_compile::coverage::{Cell, Coverage, Quarter, reach};
use serde_json::{Value, json};

use super::{Covered, find_module, owner, portfolio, shown, twin};

/// One object with every Program of every namespace.
pub(crate) fn json(all: &[Covered<'_>]) -> anyhow::Result<String> {
    let namespaces: Vec<Value> = all.iter().map(namespace).collect();
    Ok(serde_json::to_string_pretty(&json!({ "namespaces": namespaces }))? + "\n")
}

fn namespace(covered: &Covered<'_>) -> Value {
    let programs: Vec<Value> = covered
        .programs
        .iter()
        .map(|coverage| program(covered, coverage))
        .collect();
    let now = Quarter::of(covered.space.at);
    let teams = covered.debt.teams.iter().map(|(group, load)| {
        let quarters = load.quarters.iter().enumerate().map(|(index, quarter)| {
            json!({
                "quarter": now.plus(index).to_string(), "make": quarter.make, "renew": quarter.renew,
                "review": quarter.review, "total": quarter.total(),
            })
        });
        json!({
            "group": group, "needed": load.needed, "present": load.present, "capacity": covered.capacity(group),
            "quarters": quarters.collect::<Vec<_>>(),
        })
    });
    let portfolio = portfolio(covered.space);
    let near = &portfolio.near;
    let nested = near
        .nested
        .iter()
        .map(|(inner, outer)| json!({"inner": inner, "outer": outer}));
    json!({
        "namespace": covered.space.name(), "programs": programs, "contentDebt": teams.collect::<Vec<_>>(),
        "audiences": {"equal": near.equal, "nested": nested.collect::<Vec<_>>()},
    })
}

fn program(covered: &Covered<'_>, coverage: &Coverage<'_>) -> Value {
    let cells = coverage.cells.iter().map(|cell| one(covered, coverage, cell));
    json!({
        "program": coverage.name, "minimumBp": coverage.minimum_bp(),
        "figures": coverage.figures(&covered.space.snapshot),
        "cells": cells.collect::<Vec<_>>(),
    })
}

fn one(covered: &Covered<'_>, coverage: &Coverage<'_>, cell: &Cell<'_>) -> Value {
    let spot = coverage.spots.get(cell.spot);
    let words = coverage.words(cell);
    let content: Option<serde_json::Map<String, Value>> = words.map(|words| {
        let slots = shown(coverage, cell, words).into_iter();
        slots.map(|(slot, value)| (slot, Value::from(value))).collect()
    });
    json!({
        "audience": cell.audience, "reach": reach(&covered.space.snapshot, cell.audience),
        "channel": spot.map(|spot| spot.channel), "touchpoint": spot.map(|spot| spot.touchpoint.name.as_str()),
        "locale": (!cell.locale.is_empty()).then_some(cell.locale), "state": cell.state.as_str(), "sharedWith": twin(cell),
        "module": find_module(coverage, cell), "owner": owner(covered, coverage, cell),
        "variant": words.map(|words| words.variant), "content": content,
    })
}
