//! Compiling edited strategies, and what comes of the example.

mod bundles;
mod carrying;
mod decisions;
mod formats;
mod properties;
mod verdicts;

use std::sync::Arc;

use attune_api::Kind;
use attune_api::conditions::{ConditionType, Reason};
use attune_core::bundle::Bundle;
use attune_core::context::Context;
use attune_core::decide::{Request, decide};
use attune_core::engine::Engine;
use attune_core::history::NoHistory;
use attune_core::ofrep::Success;
use attune_core::trace::Trace;
use attune_testkit::{AT, Strategy};
use serde_json::Value;

use crate::verdict::{Judged, Verdict};
use crate::{Compiled, Finding, Previous, Snapshot};

/// The namespace of the example.
pub(crate) const SHOP: &str = "shop";

/// A strategy as one namespace's snapshot.
pub(crate) fn snapshot(strategy: &Strategy) -> Snapshot {
    let mut snapshot = Snapshot::new(SHOP);
    strategy
        .resources()
        .into_iter()
        .for_each(|resource| snapshot.insert(resource));
    snapshot
}

/// The example under a policy with these rules alone.
pub(crate) fn ruled(rules: Value) -> Strategy {
    Strategy::example().change(Kind::GovernancePolicy, "default", |spec| spec["rules"] = rules)
}

/// What a strategy compiles to where nothing was published before.
pub(crate) fn compile(strategy: &Strategy) -> Compiled {
    compile_over(strategy, &Previous::new())
}

/// What a strategy compiles to over what was published before.
pub(crate) fn compile_over(strategy: &Strategy, previous: &Previous) -> Compiled {
    crate::compile(&snapshot(strategy), previous, AT)
}

/// What a compilation published.
pub(crate) fn published(compiled: &Compiled) -> Previous {
    let channels = compiled.channels.iter();
    channels
        .map(|(channel, publication)| (channel.clone(), Arc::clone(&publication.bundle)))
        .collect()
}

/// A finding as lint would print it in one line, with its offset where it has one.
pub(crate) fn told(finding: &Finding) -> String {
    let Finding {
        object,
        severity,
        reason,
        field,
        message,
        ..
    } = finding;
    let severity = format!("{severity:?}").to_lowercase();
    let offset = finding
        .offset
        .map(|offset| format!("+{offset}"))
        .unwrap_or_default();
    let suggestion = finding
        .suggestion
        .as_ref()
        .map(|known| format!(" (did you mean `{known}`?)"))
        .unwrap_or_default();
    format!(
        "{severity} {} {} {field}{offset} {reason}: {message}{suggestion}",
        object.kind, object.name
    )
}

/// Compiles a strategy and gives its findings in one line each, but for those about what its words cover: the example lacks some,
/// whatever a test is about.
pub(crate) fn findings(strategy: &Strategy) -> Vec<String> {
    lines(&compile(strategy))
}

/// The findings of a compilation in one line each, but for those about what words cover.
pub(crate) fn lines(compiled: &Compiled) -> Vec<String> {
    let findings = compiled.findings.iter().filter(is_no_coverage);
    findings.map(told).collect()
}

/// Whether a finding is about something else than what words cover.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that filters call"
)]
pub(crate) fn is_no_coverage(finding: &&Finding) -> bool {
    !matches!(finding.reason, Reason::CoverageTooLow | Reason::WaiverUnmatched)
}

/// Findings but for those about what words cover, and about audiences that a test copied.
pub(crate) fn others(compiled: &Compiled) -> Vec<&Finding> {
    let is_other =
        |finding: &&Finding| is_no_coverage(finding) && finding.reason != Reason::DuplicateAudience;
    compiled.findings.iter().filter(is_other).collect()
}

/// Compiles a strategy and gives all its findings in one line each.
pub(crate) fn all_findings(strategy: &Strategy) -> Vec<String> {
    compile(strategy).findings.iter().map(told).collect()
}

/// Compiles a strategy and gives its only finding.
pub(crate) fn finding(strategy: &Strategy) -> String {
    let findings = findings(strategy);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings.into_iter().next().unwrap()
}

/// The bundle of a Channel.
pub(crate) fn bundle<'c>(compiled: &'c Compiled, channel: &str) -> &'c Bundle {
    &compiled.channels[channel].bundle
}

/// What is said about an object.
pub(crate) fn verdict<'c>(compiled: &'c Compiled, kind: Kind, name: &str) -> &'c Verdict {
    let verdicts = compiled.verdicts.iter();
    let mut verdicts = verdicts.filter(|(id, _)| id.kind == kind && id.name == name);
    verdicts.next().unwrap().1
}

/// One condition of an object.
pub(crate) fn condition<'c>(
    compiled: &'c Compiled,
    kind: Kind,
    name: &str,
    type_: ConditionType,
) -> &'c Judged {
    let conditions = &verdict(compiled, kind, name).conditions;
    conditions.iter().find(|judged| judged.type_ == type_).unwrap()
}

/// A condition in short: `False/RefNotFound`.
pub(crate) fn stands(compiled: &Compiled, kind: Kind, name: &str, type_: ConditionType) -> String {
    let judged = condition(compiled, kind, name, type_);
    format!("{}/{}", judged.truth.as_str(), judged.reason)
}

/// The OFREP answer of a bundle, without its revision.
pub(crate) fn answer(bundle: &Bundle, touchpoint: &str, context: &Value) -> Value {
    let engine = Engine::load(bundle.clone()).unwrap();
    let context = context.to_string();
    let context = Context::decode(&engine, context.as_bytes()).unwrap();
    let request = Request {
        touchpoint,
        context: &context,
        history: &NoHistory,
        now: AT,
    };
    let decision = decide(&engine, request, &mut Trace::off()).unwrap();
    let mut answer = serde_json::to_value(Success::new(&decision, engine.metadata(), None)).unwrap();
    answer["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("attune.revision");
    answer
}
