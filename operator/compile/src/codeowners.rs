//! CODEOWNERS: who may change which file, for shops in which only the account that applies from Git may write.
//!
//! The form is that of GitHub and GitLab: patterns as in `.gitignore` with owners behind them, the last pattern that
//! matches decides, one without owners gives a file to nobody. GitLab's sections are read; their default owners hold for
//! patterns without owners below them.

use std::fmt;

#[cfg(test)]
mod tests;

/// The most lines that are read.
const MAX_LINES: usize = 10_000;

/// A CODEOWNERS file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codeowners {
    /// In the order of the file.
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    pattern: Pattern,
    owners: Vec<String>,
}

/// Who owns the file that an object stands in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owned {
    /// The file, from the repository's root.
    pub path: String,
    /// Owners as they are written: `@org/team`, `@user` or an address.
    pub owners: Vec<String>,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// 1-based line.
    pub line: usize,
    /// What is wrong with it and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for Problem {}

impl Owned {
    /// Whether a group is among the owners: as `@<prefix><group>`, as a team of any organisation, or by its address.
    pub fn is_by(&self, prefix: &str, group: &str) -> bool {
        self.owners.iter().any(|owner| {
            let Some(name) = owner.strip_prefix('@') else {
                return owner.split('@').next() == Some(group);
            };
            let team = name.rsplit('/').next().unwrap_or(name);
            team == group || name == group || name.strip_prefix(prefix) == Some(group)
        })
    }
}

impl Codeowners {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line that cannot be read: a negation, which the form does not have, an owner that is none, or one line
    /// too many.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut lines = Vec::new();
        let mut defaults: Vec<String> = Vec::new();
        for (index, text) in text.lines().enumerate() {
            let problem = |message: String| Problem {
                line: index + 1,
                message,
            };
            if index >= MAX_LINES {
                return Err(problem(format!("more than {MAX_LINES} lines: split the file")));
            }
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if let Some(owners) = section(text) {
                defaults = owners;
                continue;
            }
            if text.starts_with('!') {
                return Err(problem(
                    "CODEOWNERS has no negation: give the file to others by a later line".to_owned(),
                ));
            }
            let mut words = words(text).into_iter();
            let Some(pattern) = words.next() else { continue };
            let owners: Vec<String> = words.take_while(|word| !word.starts_with('#')).collect();
            if let Some(wrong) = owners.iter().find(|owner| !owner.contains('@')) {
                return Err(problem(format!(
                    "`{wrong}` is no owner: write `@team`, `@org/team` or an address"
                )));
            }
            lines.push(Line {
                pattern: Pattern::new(&pattern),
                owners: if owners.is_empty() {
                    defaults.clone()
                } else {
                    owners
                },
            });
        }
        Ok(Self { lines })
    }

    /// Who owns a file, named from the repository's root with `/` between folders.
    pub fn owners(&self, path: &str) -> &[String] {
        let matching = self.lines.iter().rev().find(|line| line.pattern.matches(path));
        matching.map_or(&[], |line| line.owners.as_slice())
    }
}

/// The default owners of GitLab's `[Section]`, `^[Section]` or `[Section][2] @owner`; `None` for any other line.
fn section(text: &str) -> Option<Vec<String>> {
    let rest = text.strip_prefix('^').unwrap_or(text).strip_prefix('[')?;
    let (_, mut rest) = rest.split_once(']')?;
    if let Some((_, tail)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        rest = tail;
    }
    // A pattern may begin with a class of characters; a section is followed by owners or by nothing.
    let owners: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(())?;
    owners.iter().all(|owner| owner.contains('@')).then_some(owners)
}

/// Words of a line; a blank after a backslash belongs to its word.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_escaped = false;
    for character in text.chars() {
        match character {
            _ if is_escaped => {
                words.last_mut().into_iter().for_each(|word| word.push(character));
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            _ if character.is_whitespace() => words.push(String::new()),
            _ => words.last_mut().into_iter().for_each(|word| word.push(character)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A pattern as in `.gitignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// Parts between slashes; `**` stands for any number of them.
    parts: Vec<String>,
    /// Whether the pattern is for a folder, and so for all in it.
    is_folder: bool,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let is_folder = text.ends_with('/');
        let inner = text.trim_end_matches('/');
        // One with a slash before its end is from the root; any other is anywhere.
        let is_rooted = inner.contains('/');
        let mut parts: Vec<String> = inner
            .trim_start_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect();
        if !is_rooted && parts.first().is_none_or(|part| part != "**") {
            parts.insert(0, "**".to_owned());
        }
        Self { parts, is_folder }
    }

    fn matches(&self, path: &str) -> bool {
        let path: Vec<_> = path.trim_start_matches('/').split('/').collect();
        // A pattern that names a folder on the way owns what is in it; `docs/*` is for files in it only.
        let ends_in_star = self.parts.last().is_some_and(|part| part == "*");
        let shortest = if ends_in_star && !self.is_folder {
            path.len()
        } else {
            1
        };
        let longest = if self.is_folder {
            path.len().saturating_sub(1)
        } else {
            path.len()
        };
        (shortest..=longest).any(|length| path.get(..length).is_some_and(|head| all(&self.parts, head)))
    }
}

/// Whether the parts of a pattern stand for the parts of a path. `reached` holds the lengths of paths that the parts so
/// far stand for, so that the cost is their product however many `**` there are.
fn all(parts: &[String], path: &[&str]) -> bool {
    let mut reached = vec![false; path.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for part in parts {
        let mut next = vec![false; path.len() + 1];
        for (length, is_reached) in reached.iter().enumerate() {
            if !is_reached {
                continue;
            }
            if part == "**" {
                next.iter_mut().skip(length).for_each(|one| *one = true);
            } else if path.get(length).is_some_and(|name| glob(part, name)) {
                next.get_mut(length + 1).into_iter().for_each(|one| *one = true);
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

/// Whether a name fits a pattern with `*` and `?`, in the product of their lengths.
fn glob(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for wanted in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        for (length, is_reached) in reached.iter().enumerate() {
            if !is_reached {
                continue;
            }
            if wanted == '*' {
                next.iter_mut().skip(length).for_each(|one| *one = true);
            } else if name.get(length).is_some_and(|is| wanted == '?' || *is == wanted) {
                next.get_mut(length + 1).into_iter().for_each(|one| *one = true);
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}
