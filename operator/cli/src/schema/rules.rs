//! The definition's CEL rules, run by kube's own evaluator of them.

use attune_api::conditions::Reason;
use attune_compile::finding::{Finding, Severity};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube_cel::{CompiledSchema, ErrorKind, ValidationError, Validator, compile_schema};

use crate::manifest::{Document, FieldPath};

/// The compiled rules of a kind.
pub(super) struct Rules {
    compiled: CompiledSchema,
    validator: Validator,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").finish_non_exhaustive()
    }
}

impl Rules {
    pub(super) fn of(props: &JSONSchemaProps) -> Self {
        let schema = serde_json::to_value(props).unwrap_or_default();
        Self {
            compiled: compile_schema(&schema),
            validator: Validator::new(),
        }
    }

    /// The rules that a document breaks. Rules about changes need an earlier state and are the server's.
    pub(super) fn check(&self, document: &Document) -> Vec<Finding> {
        let failures = self
            .validator
            .validate_compiled(&self.compiled, &document.to_json(), None)
            .err();
        failures
            .into_iter()
            .flatten()
            .map(|failure| finding(document, &failure))
            .collect()
    }
}

fn finding(document: &Document, failure: &ValidationError) -> Finding {
    let (severity, reason, message) = match failure.kind {
        ErrorKind::ValidationFailure => (Severity::Error, reason(failure), failure.message.clone()),
        ErrorKind::EvaluationError => (Severity::Error, Reason::InvalidField, failure.message.clone()),
        // What only a server can evaluate is no mistake of the document.
        _ => (
            Severity::Warning,
            Reason::InvalidField,
            format!("not checked here: {}", failure.message),
        ),
    };
    Finding {
        object: document.id.clone(),
        severity,
        reason,
        field: FieldPath::parse(&failure.field_path).to_string(),
        message: message.replace(['\n', '\r'], " "),
        offset: None,
        suggestion: None,
    }
}

/// The reason that the rule itself gives.
fn reason(failure: &ValidationError) -> Reason {
    match failure.reason.as_deref() {
        Some("FieldValueDuplicate") => Reason::Duplicate,
        Some("FieldValueForbidden") => Reason::Frozen,
        Some("FieldValueRequired") => Reason::MissingField,
        _ => Reason::InvalidField,
    }
}
