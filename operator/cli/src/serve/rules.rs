//! What the files say, and what was good of what they said before.

use attune_api::{Kind, Resource};
use attune_compile::{ObjectId, Severity};
use attune_index::Index;
use jiff::Timestamp;

use super::generation::Generations;
use crate::diagnostic::Diagnostic;
use crate::strategy::{Strategy, refused};

/// The resources that serve, and the files that they come from.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) index: Index,
    generations: Generations,
    /// The files as they are now.
    files: Option<Strategy>,
    /// Whether the resources are those of the files: not while a file cannot be read as YAML.
    are_taken: bool,
    /// Why the files cannot be opened, since they last could.
    pub(super) unreadable: Option<String>,
}

/// The most errors that are shown on a terminal.
const SHOWN: usize = 5;

/// How many findings there are, and the first errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    errors: usize,
    warnings: usize,
    first: Vec<String>,
}

impl Summary {
    /// A line for each of the first errors.
    pub(super) fn first(&self) -> impl Iterator<Item = &str> {
        self.first.iter().map(String::as_str)
    }
}

impl Rules {
    /// Whether the files say what they said.
    pub(super) fn are_of(&self, files: &Strategy) -> bool {
        self.unreadable.is_none()
            && self
                .files
                .as_ref()
                .is_some_and(|known| known.says_the_same(files))
    }

    /// Takes what the files say; an object that is refused keeps its accepted form, and a file that cannot be read as
    /// YAML changes nothing at all: documents may be missing that somebody still means.
    pub(super) fn take(&mut self, files: Strategy, now: Timestamp) {
        self.unreadable = None;
        self.are_taken = files.is_readable() || self.index.objects().next().is_none();
        if self.are_taken {
            self.replace(&files, now);
        }
        self.files = Some(files);
    }

    fn replace(&mut self, files: &Strategy, now: Timestamp) {
        let mut missing = files.refused_ids();
        let kept: Vec<Resource> = self
            .index
            .objects()
            .map(|(resource, _)| resource)
            .filter(|resource| missing.remove(&ObjectId::of(resource)))
            .collect();
        let accepted: Vec<Resource> = files
            .accepted()
            .cloned()
            .chain(kept)
            .map(|resource| self.generations.stamp(resource, now))
            .collect();
        for kind in Kind::ALL {
            let listed = accepted
                .iter()
                .filter(|resource| resource.kind() == kind)
                .cloned();
            let missing = missing.iter().filter(|id| id.kind == kind).cloned().map(refused);
            self.index.reset(kind, None, listed.collect(), missing.collect());
        }
    }

    /// What keeps files or documents from being taken.
    pub(super) fn refused(&self) -> impl Iterator<Item = &Diagnostic> {
        self.files.iter().flat_map(Strategy::refusals)
    }

    /// Everything that is wrong, as lint would say it.
    pub(super) fn findings(&self) -> Vec<Diagnostic> {
        let Some(files) = &self.files else {
            return Vec::new();
        };
        let mut findings: Vec<_> = files.diagnostics().cloned().collect();
        if self.are_taken {
            findings.extend(files.locate(self.index.findings()));
        }
        findings
    }

    /// What to say of the findings on a terminal: how many there are, and the first errors.
    pub(super) fn summary(&self) -> Summary {
        let findings = self.findings();
        let errors: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        Summary {
            errors: errors.len(),
            warnings: findings.len() - errors.len(),
            first: errors.into_iter().take(SHOWN).map(Diagnostic::line).collect(),
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.errors, self.warnings) {
            (0, 0) => f.write_str("no findings"),
            (0, warnings) => write!(f, "warnings: {warnings}; see `attune lint`"),
            (errors, _) => write!(f, "errors: {errors}; see `attune lint`, what was good serves on"),
        }
    }
}
