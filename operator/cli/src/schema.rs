//! Checks a document against its kind's definition, as the API server would on arrival: shape, bounds, rules.

mod check;
mod metadata;
mod mismatch;
mod model;
mod rules;

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_compile::finding::{Finding, Severity};

use self::model::Schema;
use self::rules::Rules;
use crate::manifest::Document;

/// The definitions of the kinds that were met so far.
#[derive(Debug, Default)]
pub struct Schemas {
    kinds: BTreeMap<Kind, Definition>,
}

#[derive(Debug)]
struct Definition {
    schema: Schema,
    rules: Rules,
}

impl Schemas {
    /// Everything that is wrong with a document by itself. Rules run only on a document whose shape is right, as on the
    /// server.
    pub fn check(&mut self, document: &Document) -> Vec<Finding> {
        let kind = document.id.kind;
        let definition = self.kinds.entry(kind).or_insert_with(|| Definition::of(kind));
        let mut findings = check::check(document, &definition.schema);
        if findings
            .iter()
            .all(|finding| finding.severity == Severity::Warning)
        {
            findings.extend(definition.rules.check(document));
        }
        findings
    }
}

impl Definition {
    fn of(kind: Kind) -> Self {
        let definition = attune_api::crd::crd(kind);
        let props = definition
            .spec
            .versions
            .into_iter()
            .find(|version| version.name == attune_api::VERSION)
            .and_then(|version| version.schema)
            .and_then(|validation| validation.open_api_v3_schema)
            .unwrap_or_default();
        Self {
            rules: Rules::of(&props),
            schema: model::object(&props),
        }
    }
}

#[cfg(test)]
mod tests;
