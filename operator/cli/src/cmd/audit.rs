//! `attune audit`.

use std::process::ExitCode;

use anyhow::ensure;

use crate::audit::{Audit, Tally, json, lines, text};
use crate::cli::{AnswerOutput, AuditArgs};
use crate::contexts;
use crate::space::Space;
use crate::strategy::Strategy;
use crate::terminal::print;

/// Prints what each group gets; 1 when a difference lies beyond the bound.
pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let strategy = Strategy::load(&args.source)?;
    strategy.warn_of_refusals();
    let at = args.source.at();
    let spaces = Space::all(&strategy.inventory(), at)?;
    let mut tally = Tally::default();
    let people = contexts::read(&args.contexts, |line| tally.count(&spaces, line, &args.group, at))?;
    let groups = tally.groups().len();
    ensure!(
        groups > 1,
        "`{}` has {groups} value in the contexts: an audit compares at least two groups",
        args.group
    );
    let readers = readers(&spaces, &args.group);
    let audit = Audit {
        attribute: &args.group,
        bound: f64::from(args.bound_bp) / 10_000.0,
        readers: &readers,
        people,
    };
    let lines = lines(&tally, audit.bound);
    let answer = match args.output {
        AnswerOutput::Text => text(&audit, &tally, &lines),
        AnswerOutput::Json => json(&audit, &tally, &lines)?,
    };
    print(&answer)?;
    if lines.iter().any(|line| line.is_flagged) {
        return Ok(super::failed());
    }
    Ok(ExitCode::SUCCESS)
}

/// What reads an attribute.
fn readers(spaces: &[Space], attribute: &str) -> Vec<String> {
    let mut readers = Vec::new();
    for engine in spaces.iter().flat_map(|space| space.engines.values()) {
        let bundle = engine.bundle();
        let reads = |rule: &attune_core::bundle::Rule| rule.expression.attributes().contains(&attribute);
        let audiences = bundle.audiences.values().filter(|audience| reads(&audience.rule));
        readers.extend(audiences.map(|audience| format!("audience `{}`", audience.name)));
        for (name, binding) in &bundle.bindings {
            let mut rules = binding
                .candidates
                .iter()
                .flat_map(|one| one.when.iter().chain(&one.score));
            if rules.any(reads) {
                readers.push(format!("binding `{name}`"));
            }
        }
    }
    readers.sort_unstable();
    readers.dedup();
    readers
}
