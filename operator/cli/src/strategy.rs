//! Resources read from files, as every verb but `crds` needs them.

use std::collections::BTreeSet;

use attune_api::Resource;
use attune_compile::status::Deciders;
use attune_compile::{ObjectId, Severity};
use attune_index::Index;
use jiff::Timestamp;

use crate::cli::SourceArgs;
use crate::diagnostic::Diagnostic;
use crate::lint::{LintReport, Read};
use crate::manifest::{self, LoadError};

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
        let loaded = manifest::load(&source.paths, &source.namespace)?;
        Ok(Self {
            read: Read::new(loaded),
        })
    }

    /// Resources that an API server would take.
    pub fn accepted(&self) -> impl Iterator<Item = &Resource> {
        self.read.accepted()
    }

    /// What is wrong with documents taken one by one.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.read.diagnostics()
    }

    /// How many findings one by one are errors.
    pub fn errors(&self) -> usize {
        self.refusals().count()
    }

    /// What keeps files or documents from being taken.
    pub fn refusals(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether every file could be read as YAML: if not, documents may be missing that somebody still means.
    pub fn is_readable(&self) -> bool {
        self.read.is_readable()
    }

    /// Objects that are there and would be refused.
    pub fn refused_ids(&self) -> BTreeSet<ObjectId> {
        self.read.refused_ids()
    }

    /// Compiles what an API server would take.
    pub fn settle(&self, at: Timestamp) -> Index {
        settled(self.accepted(), at)
    }

    /// Everything that is wrong, one by one and together.
    pub fn lint(self, at: Timestamp) -> LintReport {
        let findings = settled(self.read.readable(), at).findings().cloned().collect();
        self.read.report(findings)
    }
}

fn settled<'r>(resources: impl Iterator<Item = &'r Resource>, at: Timestamp) -> Index {
    let mut index = Index::default();
    for resource in resources {
        index.apply(resource.clone());
    }
    index.settle(at);
    // Without a cluster there are no deciders to wait for.
    let channels: Vec<_> = index
        .channels()
        .map(|(namespace, channel)| (namespace.to_owned(), channel.to_owned()))
        .collect();
    for (namespace, channel) in channels {
        index.hear(
            &namespace,
            &channel,
            Deciders::Heard {
                current: 0,
                stale: 0,
                refused: None,
            },
        );
    }
    index.settle(at);
    index
}
