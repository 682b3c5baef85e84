//! Variants are approved, for the words that they have.

use attune_api::conditions::Reason;
use attune_api::content_module::{Content, LocalizedContent, Origin, Variant};
use attune_api::governance_policy::ApprovalRule;
use attune_api::{ContentModule, Kind, Locale};
use attune_core::bundle;
use jiff::Timestamp;
use serde::Serialize;

use crate::Model;
use crate::facts::{Fact, Facts};
use crate::policy::Ruling;
use crate::report::Report;

/// How many hex digits the hash of what was approved has.
const DIGITS: usize = 64;

/// Words that cannot be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the words of variant `{variant}` cannot be written as canonical JSON: {source}")]
pub struct ContentHashError {
    variant: String,
    source: bundle::BundleError,
}

/// What an approval is for: all the words that somebody may see with the variant, and nothing about who sees them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Approved<'m> {
    core: &'m Content,
    localized_core: &'m std::collections::BTreeMap<Locale, LocalizedContent>,
    content: &'m Content,
}

/// The hash of what an approval of a variant is for, as `approval.contentHash` has it: `sha256:` and the SHA-256 of the
/// canonical JSON (RFC 8785) of `core`, `localizedCore` and the variant's `content`.
///
/// # Errors
/// When the words cannot be written as JSON, which text cannot cause.
pub fn content_hash(module: &ContentModule, variant: &Variant) -> Result<String, ContentHashError> {
    let approved = Approved {
        core: &module.spec.core,
        localized_core: &module.spec.localized_core,
        content: &variant.content,
    };
    let hash = bundle::canonical_hash(&approved, DIGITS).map_err(|source| ContentHashError {
        variant: variant.name.as_str().to_owned(),
        source,
    })?;
    Ok(format!("sha256:{hash}"))
}

/// Whether a variant may be served only once it is approved. What everybody gets without Attune is nobody's to approve
/// here, unless a model wrote it.
pub fn needs_approval(module: &ContentModule, variant: &Variant) -> bool {
    variant.origin() == Origin::Generated || variant.name != module.spec.baseline
}

/// Variants that need an approval have one; where that is enforced, the others leave.
pub(super) fn check(
    model: &Model<'_>,
    ruling: &Ruling<'_, ApprovalRule>,
    facts: &mut Facts,
    report: &mut Report,
) {
    let binds = ruling.rule.bind_to_content.unwrap_or(false);
    for (name, module) in &model.snapshot.modules {
        // Which variant is the baseline only a sound module says.
        if !report.is_usable((Kind::ContentModule, name)) {
            continue;
        }
        for (index, variant) in module.spec.variants.iter().enumerate() {
            // What a model wrote is judged whatever policies say.
            if variant.origin() == Origin::Generated || !needs_approval(module, variant) {
                continue;
            }
            if let Some((reason, field, message)) = gap(module, variant, binds, model.at) {
                if ruling.is_enforced() {
                    report.stops.variant(name, variant.name.as_str());
                }
                let object = model.snapshot.id(Kind::ContentModule, name);
                let field = format!("spec.variants[{index}].{field}");
                facts.note(ruling, Fact::new(object, reason, field, message));
            }
        }
    }
}

/// What a model wrote is never served before somebody approved exactly these words.
pub(super) fn generated(model: &Model<'_>, report: &mut Report) {
    for (name, module) in &model.snapshot.modules {
        for (index, variant) in module.spec.variants.iter().enumerate() {
            if variant.origin() != Origin::Generated {
                continue;
            }
            if let Some((reason, field, message)) = gap(module, variant, true, model.at) {
                report.stops.variant(name, variant.name.as_str());
                let object = model.snapshot.id(Kind::ContentModule, name);
                let field = format!("spec.variants[{index}].{field}");
                report.error(&object, reason, field, format!("{message}; a model wrote it"));
            }
        }
    }
}

/// Why an approval does not hold, with the field of the variant.
fn gap(
    module: &ContentModule,
    variant: &Variant,
    binds: bool,
    at: Timestamp,
) -> Option<(Reason, &'static str, String)> {
    let name = &variant.name;
    let Some(approval) = &variant.approval else {
        let message = format!("variant `{name}` is not approved: read it and run `attune approve`");
        return Some((Reason::Unapproved, "approval", message));
    };
    if approval.at.timestamp() > at {
        let message = format!(
            "the approval of variant `{name}` is dated {}, which is still to come: correct the date",
            approval.at
        );
        return Some((Reason::Unapproved, "approval.at", message));
    }
    if !binds {
        return None;
    }
    let Some(approved) = &approval.content_hash else {
        let message = format!(
            "the approval of variant `{name}` does not say for which words it was given: run `attune approve`"
        );
        return Some((Reason::ApprovalOutdated, "approval", message));
    };
    let now = content_hash(module, variant).ok();
    (now.as_ref() != Some(approved)).then(|| {
        let message = format!(
            "the words of variant `{name}` are not those that {} approved at {}: read them and run `attune approve`",
            approval.by, approval.at
        );
        (Reason::ApprovalOutdated, "approval.contentHash", message)
    })
}
