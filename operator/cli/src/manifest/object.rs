//! Which object a document is.

use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_api::{API_VERSION, GROUP, Kind};
use attune_compile::finding::{ObjectId, Severity};

use super::node::{Node, Resolved};
use super::path::{FieldPath, Part, locate};
use super::source::Span;
use crate::diagnostic::{Diagnostic, Located};
use crate::quote::quote;
use crate::suggest::nearest;

/// What a document turned out to be.
#[derive(Debug)]
pub(super) enum Identified {
    /// Empty.
    Nothing,
    /// An object of another group.
    Other,
    /// A list of objects.
    List(Vec<Arc<Node>>),
    /// One of our objects.
    Ours(ObjectId),
    /// No object that can be named.
    Faulty { names: Names, faults: Vec<Fault> },
}

/// What is known of an object's identity, as written.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl Names {
    pub(super) fn of(id: &ObjectId) -> Self {
        Self {
            kind: id.kind.to_string(),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
        }
    }
}

/// Why a document cannot be named.
#[derive(Debug)]
pub(super) struct Fault {
    severity: Severity,
    reason: Reason,
    field: &'static str,
    pub span: Span,
    message: String,
    suggestion: Option<String>,
}

impl Fault {
    fn at(root: &Arc<Node>, field: &'static str, reason: Reason, message: String) -> Self {
        let span = locate(root, &FieldPath::parse(field), Part::Value).span;
        Self {
            severity: Severity::Error,
            reason,
            field,
            span,
            message,
            suggestion: None,
        }
    }

    fn suggesting(self, suggestion: Option<&str>) -> Self {
        Self {
            suggestion: suggestion.map(str::to_owned),
            ..self
        }
    }

    pub(super) fn into_diagnostic(self, names: &Names, place: Located) -> Diagnostic {
        Diagnostic {
            severity: self.severity,
            reason: self.reason,
            kind: names.kind.clone(),
            namespace: names.namespace.clone(),
            name: names.name.clone(),
            field: self.field.to_owned(),
            place: Some(place),
            message: self.message,
            suggestion: self.suggestion,
        }
    }
}

/// Finds out what a document is; `namespace` is that of objects which name none.
pub(super) fn identify(root: &Arc<Node>, namespace: &str) -> Identified {
    if root.is_null() {
        return Identified::Nothing;
    }
    if root.mapping().is_none() {
        let message = "a document is a map with `apiVersion`, `kind`, `metadata` and `spec`".to_owned();
        return faulty(
            Names::default(),
            vec![Fault::at(root, "", Reason::Undecodable, message)],
        );
    }
    let mut faults = Vec::new();
    let api_version = required(root, "apiVersion", &mut faults);
    let kind = required(root, "kind", &mut faults);
    let (Some(api_version), Some(kind)) = (api_version, kind) else {
        return faulty(
            Names {
                kind: kind.unwrap_or_default().to_owned(),
                ..Names::default()
            },
            faults,
        );
    };
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
    if let Some(items) = list_items(root, group, kind) {
        return Identified::List(items);
    }
    if group == GROUP {
        ours(root, api_version, kind, namespace)
    } else {
        other(root, group, kind)
    }
}

fn faulty(names: Names, faults: Vec<Fault>) -> Identified {
    Identified::Faulty { names, faults }
}

/// The text of a field that every object has; its absence is a fault.
fn required<'n>(root: &'n Arc<Node>, field: &'static str, faults: &mut Vec<Fault>) -> Option<&'n str> {
    let node = field
        .split('.')
        .try_fold(root, |node, key| node.get(key))
        .filter(|node| !node.is_null());
    let (reason, message) = match node.map(|node| node.text()) {
        Some(Some("")) => (Reason::MissingField, format!("`{field}` is empty")),
        Some(Some(text)) => return Some(text),
        Some(None) => (Reason::InvalidField, format!("`{field}` must be a string")),
        None => (Reason::MissingField, format!("`{field}` is missing")),
    };
    faults.push(Fault::at(root, field, reason, message));
    None
}

/// The items of `kind: List`, and of the lists of our own kinds.
fn list_items(root: &Arc<Node>, group: &str, kind: &str) -> Option<Vec<Arc<Node>>> {
    let element = kind.strip_suffix("List")?;
    let known = if group == GROUP {
        element.parse::<Kind>().is_ok()
    } else {
        group.is_empty() && element.is_empty()
    };
    let items = root.get("items")?;
    known.then(|| items.sequence().map(<[_]>::to_vec)).flatten()
}

fn ours(root: &Arc<Node>, api_version: &str, kind_name: &str, namespace: &str) -> Identified {
    let mut faults = Vec::new();
    if api_version != API_VERSION {
        let message = format!("`{}` is no version of `{GROUP}`", quote(api_version));
        faults
            .push(Fault::at(root, "apiVersion", Reason::UnknownKind, message).suggesting(Some(API_VERSION)));
    }
    let kind = kind_name.parse::<Kind>();
    if kind.is_err() {
        let near = nearest(kind_name, Kind::ALL.map(Kind::name));
        let message = format!("`{}` is not a kind of {GROUP}", quote(kind_name));
        faults.push(Fault::at(root, "kind", Reason::UnknownKind, message).suggesting(near));
    }
    let name = required(root, "metadata.name", &mut faults)
        .unwrap_or_default()
        .to_owned();
    let namespace = match &kind {
        Ok(kind) if !kind.is_namespaced() => String::new(),
        _ => written_namespace(root, &mut faults)
            .unwrap_or(namespace)
            .to_owned(),
    };
    match kind {
        Ok(kind) if faults.is_empty() => Identified::Ours(ObjectId {
            kind,
            namespace,
            name,
        }),
        _ => faulty(
            Names {
                kind: kind_name.to_owned(),
                namespace,
                name,
            },
            faults,
        ),
    }
}

fn written_namespace<'n>(root: &'n Arc<Node>, faults: &mut Vec<Fault>) -> Option<&'n str> {
    let node = root.get("metadata")?.get("namespace")?;
    let scalar = node.scalar();
    if scalar.is_none_or(|scalar| !matches!(scalar.resolved, Resolved::Text | Resolved::Null)) {
        let message = "`metadata.namespace` must be a string".to_owned();
        faults.push(Fault::at(
            root,
            "metadata.namespace",
            Reason::InvalidField,
            message,
        ));
    }
    node.text().filter(|text| !text.is_empty())
}

/// Passes over a document of another group, unless the group is ours but for a typo.
fn other(root: &Arc<Node>, group: &str, kind: &str) -> Identified {
    if kind.parse::<Kind>().is_err() || nearest(group, [GROUP]).is_none() {
        return Identified::Other;
    }
    let message = format!(
        "the group `{}` is not `{GROUP}`, so that this document is passed over",
        quote(group)
    );
    let fault = Fault::at(root, "apiVersion", Reason::UnknownKind, message).suggesting(Some(API_VERSION));
    let fault = Fault {
        severity: Severity::Warning,
        ..fault
    };
    faulty(
        Names {
            kind: kind.to_owned(),
            ..Names::default()
        },
        vec![fault],
    )
}
