//! Who may change what, as files say it: access control for a cluster, CODEOWNERS for a repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use attune_compile::ObjectId;
use attune_compile::access::Question;
use attune_compile::codeowners::{Codeowners, Owned, Problem};
use attune_compile::rbac::{Rbac, RbacError};
use attune_index::Index;

use crate::manifest::{self, LoadError};
use crate::strategy::{Known, Strategy};

#[cfg(test)]
mod tests;

/// The largest CODEOWNERS file that is read, in bytes, as GitHub has it.
const MAX_CODEOWNERS: u64 = 3 * 1024 * 1024;
/// Folders that a repository keeps the file in, besides its root.
const FOLDERS: [&str; 3] = [".github", ".gitlab", "docs"];

/// Why it is not known who may change what.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// The files of access control cannot be opened.
    #[error("access control cannot be read")]
    ReadRbac(#[from] LoadError),
    /// An object of access control is none.
    #[error("access control cannot be read")]
    DecodeRbac(#[from] RbacError),
    /// There is nothing about access control in the files.
    #[error("no Role, ClusterRole or binding in {}: name the files that grant access", listed(.0))]
    FindRbac(Vec<PathBuf>),
    /// The CODEOWNERS file cannot be opened.
    #[error("cannot read `{}`", path.display())]
    ReadCodeowners {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The CODEOWNERS file is too large.
    #[error("`{}` is larger than {MAX_CODEOWNERS} bytes: split it", .0.display())]
    BoundCodeowners(PathBuf),
    /// A line of it cannot be read.
    #[error("`{}` cannot be read", path.display())]
    ParseCodeowners {
        /// The file.
        path: PathBuf,
        /// Which line, and why.
        source: Problem,
    },
}

fn listed(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    names.join(", ")
}

/// What files say about who may change what.
#[derive(Debug, Default)]
pub struct Ownership {
    rbac: Option<Rbac>,
    codeowners: Option<BTreeMap<ObjectId, Owned>>,
}

impl Ownership {
    /// Reads access control from `rbac`, and from `codeowners` who owns the files of a strategy. Nothing is known where
    /// nothing is named.
    ///
    /// # Errors
    /// When a file cannot be opened, or does not say what it should.
    pub fn read(
        strategy: &Strategy,
        rbac: &[PathBuf],
        codeowners: Option<&Path>,
        namespace: &str,
    ) -> Result<Self, OwnershipError> {
        let rbac = if rbac.is_empty() {
            None
        } else {
            Some(access_control(rbac, namespace)?)
        };
        let codeowners = codeowners.map(|path| owned(strategy, path)).transpose()?;
        Ok(Self { rbac, codeowners })
    }
}

impl Known for Ownership {
    fn inform(&self, index: &mut Index) {
        if let Some(rbac) = &self.rbac {
            let needed: Vec<(String, BTreeSet<Question>)> = index
                .access_needed()
                .map(|(namespace, needed)| (namespace.to_owned(), needed))
                .collect();
            for (namespace, questions) in needed {
                let answers = questions.into_iter().map(|question| {
                    let answer = rbac.answer(&namespace, &question);
                    (question, answer)
                });
                let answers = answers.collect();
                index.learn_access(&namespace, answers);
            }
        }
        let namespaces: BTreeSet<_> = index.namespaces().map(str::to_owned).collect();
        for namespace in namespaces {
            index.learn_codeowners(&namespace, self.codeowners.clone());
        }
    }
}

fn access_control(paths: &[PathBuf], namespace: &str) -> Result<Rbac, OwnershipError> {
    let loaded = manifest::load(paths, namespace)?;
    let mut rbac = Rbac::default();
    let mut found = false;
    for document in &loaded.others {
        found |= rbac.insert(&document.to_json(), namespace)?;
    }
    if found {
        Ok(rbac)
    } else {
        Err(OwnershipError::FindRbac(paths.to_vec()))
    }
}

/// Who owns the file of each object. What stands on standard input, or outside of the repository, has no file there.
fn owned(strategy: &Strategy, path: &Path) -> Result<BTreeMap<ObjectId, Owned>, OwnershipError> {
    let failed = |source| OwnershipError::ReadCodeowners {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(failed)?.len() > MAX_CODEOWNERS {
        return Err(OwnershipError::BoundCodeowners(path.to_owned()));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let codeowners = Codeowners::parse(&text).map_err(|source| OwnershipError::ParseCodeowners {
        path: path.to_owned(),
        source,
    })?;
    let root = root(&path.canonicalize().map_err(failed)?);
    let mut owned = BTreeMap::new();
    for (id, source) in strategy.places() {
        let Some(path) = within(&root, source.name()) else {
            continue;
        };
        let owners = codeowners.owners(&path).to_vec();
        owned.insert(id.clone(), Owned { path, owners });
    }
    Ok(owned)
}

/// The root of the repository that a CODEOWNERS file is in.
fn root(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(file);
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let is_inner = name.is_some_and(|name| FOLDERS.contains(&name.as_str()));
    let outer = folder.parent().filter(|_| is_inner);
    outer.unwrap_or(folder).to_owned()
}

/// A file as the repository names it.
fn within(root: &Path, file: &str) -> Option<String> {
    let file = Path::new(file).canonicalize().ok()?;
    let parts = file.strip_prefix(root).ok()?.components();
    let parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    Some(parts.join("/"))
}
