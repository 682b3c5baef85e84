//! Opens the inputs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::budget::MAX_FILE_BYTES;
use super::problem::Problem;
use super::source::{Position, Source, Span};

/// Why the inputs cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No input was named.
    #[error("no input; name files or directories, or `-` for standard input")]
    NameInputs,
    /// A file cannot be opened or read.
    #[error("cannot read `{}`", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory cannot be listed.
    #[error("cannot list `{}`", path.display())]
    ListDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory without manifests; surely not the one that was meant.
    #[error("no *.yaml, *.yml or *.json below `{}`", path.display())]
    FindManifests {
        /// The directory.
        path: PathBuf,
    },
}

/// An opened input.
#[derive(Debug)]
pub(super) struct Input {
    pub source: Source,
    /// Why there is no text, where there is none.
    pub problem: Option<Problem>,
}

/// Opens all inputs: files as named, directories by the order of the paths below them, each file once.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Input>, LoadError> {
    if paths.is_empty() {
        return Err(LoadError::NameInputs);
    }
    let mut inputs = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        for file in expand(path)? {
            if seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                inputs.push(open(&file).map_err(|source| LoadError::ReadFile { path: file, source })?);
            }
        }
    }
    Ok(inputs)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn expand(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    if is_stdin(path) || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    walk(path, &mut found)?;
    found.sort();
    if found.is_empty() {
        Err(LoadError::FindManifests {
            path: path.to_owned(),
        })
    } else {
        Ok(found)
    }
}

/// Collects the manifests below a directory. Hidden entries are passed over: a mounted `ConfigMap` keeps a second copy
/// of its files in one.
fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let failed = |source| LoadError::ListDirectory {
        path: directory.to_owned(),
        source,
    };
    for entry in directory.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // The type of the entry itself: links to directories could lead in a circle.
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&path, found)?;
        } else if is_manifest(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a file of a directory is read, by its name.
pub(crate) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["yaml", "yml", "json"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

fn open(path: &Path) -> io::Result<Input> {
    let mut bytes = Vec::new();
    let name = if is_stdin(path) {
        bytes = standard_input()?;
        "<stdin>".to_owned()
    } else {
        File::open(path)?
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)?;
        path.display().to_string()
    };
    Ok(decode(name, bytes))
}

/// Standard input can be read only once: who reads the inputs again gets what it said.
fn standard_input() -> io::Result<Vec<u8>> {
    static READ: Mutex<Option<Vec<u8>>> = Mutex::new(None);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = read.as_ref() {
        return Ok(bytes.clone());
    }
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(read.insert(bytes).clone())
}

fn decode(name: String, bytes: Vec<u8>) -> Input {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let message = format!(
            "the file is larger than {} MiB; split it",
            MAX_FILE_BYTES / (1024 * 1024)
        );
        let problem = Problem::too_large(Span::at(Position::START), message);
        return Input {
            source: Source::new(name, String::new()),
            problem: Some(problem),
        };
    }
    match String::from_utf8(bytes) {
        Ok(text) => Input {
            source: Source::new(name, text),
            problem: None,
        },
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let source = Source::new(name, String::from_utf8_lossy(error.as_bytes()));
            let problem = Problem::syntax(
                Span::at(source.position(valid)),
                "this is not UTF-8; save the file as UTF-8",
            );
            Input {
                source,
                problem: Some(problem),
            }
        }
    }
}

#[cfg(test)]
mod tests;
