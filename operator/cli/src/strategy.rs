//! Resources read from files, as every verb but `crds` needs them.

use std::collections::BTreeSet;
use std::sync::Arc;

use attune_api::Resource;
use attune_compile::finding::Finding;
use attune_compile::snapshot::Labels;
use attune_compile::status::{Deciders, Heard};
use attune_compile::{ObjectId, Severity};
use attune_index::{Index, Undecodable};
use jiff::Timestamp;
use serde_json::Value;

use crate::cli::SourceArgs;
use crate::diagnostic::Diagnostic;
use crate::inventory::Inventory;
use crate::lint::{LintReport, Read};
use crate::manifest::{self, LoadError, Node, Source};
use crate::terminal::say;

/// Resources read from files and checked one by one.
#[derive(Debug)]
pub struct Strategy {
    read: Read,
}

impl Strategy {
    /// Reads files and directories.
    ///
    /// # Errors
    /// When an input cannot be opened; what is wrong inside of one is a finding.
    pub fn load(source: &SourceArgs) -> Result<Self, LoadError> {
        let loaded = manifest::load(&source.paths, source.namespace())?;
        Ok(Self {
            read: Read::new(loaded),
        })
    }

    /// Resources that an API server would take.
    pub fn accepted(&self) -> impl Iterator<Item = &Resource> {
        self.read.accepted()
    }

    /// What an API server would take, and what of the rest it would have to be asked about.
    pub(crate) fn inventory(&self) -> Inventory {
        let mut inventory = Inventory {
            unusable: self.refused_ids(),
            labels: labels(self.read.foreign()).collect(),
            ..Inventory::default()
        };
        self.accepted()
            .cloned()
            .for_each(|resource| inventory.add(resource));
        inventory
    }

    /// What is wrong with documents taken one by one.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.read.diagnostics()
    }

    /// Says on standard error that not everything was taken: what is sound is gone on with, as in the cluster.
    pub fn warn_of_refusals(&self) {
        let errors = self.refusals().count();
        let plural = if errors == 1 { "error" } else { "errors" };
        if errors > 0 {
            say(format_args!(
                "attune: {errors} {plural}, see `attune lint`; this goes on with what is sound"
            ));
        }
    }

    /// What keeps files or documents from being taken.
    pub fn refusals(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether the files are the same, byte for byte.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.read.sources() == other.read.sources()
    }

    /// Whether every file could be read as YAML: if not, documents may be missing that somebody still means.
    pub fn is_readable(&self) -> bool {
        self.read.is_readable()
    }

    /// Objects that are there and would be refused.
    pub fn refused_ids(&self) -> BTreeSet<ObjectId> {
        self.read.refused_ids()
    }

    /// Findings about all objects together, with their places in these files.
    ///
    /// Those about an object that would be refused are left out: it is judged in a form that these files do not show.
    pub fn locate<'f>(&self, findings: impl Iterator<Item = &'f Finding>) -> Vec<Diagnostic> {
        let refused = self.refused_ids();
        findings
            .filter(|finding| !refused.contains(&finding.object))
            .map(|finding| Diagnostic::of(finding.clone(), self.read.document(&finding.object)))
            .collect()
    }

    /// Compiles what an API server would take.
    pub fn settle(&self, at: Timestamp) -> Index {
        settled(&self.read, self.accepted(), self.refused_ids(), at)
    }

    /// Every object with the input that it stands in, whichever form that has.
    pub fn places(&self) -> impl Iterator<Item = (&ObjectId, &Source)> {
        self.read.places()
    }

    /// Everything that is wrong, one by one and together, as far as the `known` goes that no resource states.
    pub fn lint(self, at: Timestamp, known: &impl Known) -> LintReport {
        let index = settled(&self.read, self.read.readable(), self.read.unreadable_ids(), at);
        let index = informed(index, known, at);
        let findings = index.findings().cloned().collect();
        self.read.report(findings)
    }
}

/// An object that is there and not taken: whoever refers to it is not told to create it.
pub(crate) fn refused(id: ObjectId) -> Undecodable {
    Undecodable {
        id,
        message: "refused; see the findings about it".to_owned(),
        generation: None,
        status: Value::Null,
    }
}

/// What is known beside the resources, as a cluster or a repository knows it.
pub trait Known {
    /// Tells an index what is known about the namespaces in it.
    fn inform(&self, index: &mut Index);
}

impl Known for () {
    fn inform(&self, _: &mut Index) {}
}

fn informed(mut index: Index, known: &impl Known, at: Timestamp) -> Index {
    known.inform(&mut index);
    index.settle(at);
    index
}

/// Labels of the namespaces among the documents of other groups.
fn labels(others: &[Arc<Node>]) -> impl Iterator<Item = (String, Labels)> {
    others.iter().filter_map(|document| {
        let is = |key: &str, value: &str| document.get(key).and_then(|node| node.text()) == Some(value);
        let metadata = document
            .get("metadata")
            .filter(|_| is("kind", "Namespace") && is("apiVersion", "v1"))?;
        let name = metadata.get("name")?.text()?.to_owned();
        let labels = metadata.get("labels")?.mapping();
        let entries = labels.into_iter().flat_map(|labels| &labels.entries);
        let labels = entries.filter_map(|entry| Some((entry.key.clone(), entry.node.text()?.to_owned())));
        Some((name, labels.collect()))
    })
}

fn settled<'r>(
    read: &Read,
    resources: impl Iterator<Item = &'r Resource>,
    missing: BTreeSet<ObjectId>,
    at: Timestamp,
) -> Index {
    let mut index = Index::default();
    for (namespace, labels) in labels(read.foreign()) {
        index.learn_labels(&namespace, Some(labels));
    }
    for resource in resources {
        index.apply(resource.clone());
    }
    for id in missing {
        index.apply_undecodable(refused(id));
    }
    index.settle(at);
    // Without a cluster there are no deciders to wait for.
    let channels: Vec<_> = index
        .channels()
        .map(|(namespace, channel)| (namespace.to_owned(), channel.to_owned()))
        .collect();
    for (namespace, channel) in channels {
        index.hear(&namespace, &channel, Deciders::Heard(Heard::default()));
    }
    index.settle(at);
    index
}
