//! Who may change what: the questions that owner rules need answered, and the answers.

/// Whether a group may do something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The group as the cluster knows it, prefix included.
    pub group: String,
    /// What it would do.
    pub verb: String,
    /// The plural of the kind, of the group `attune.dev`.
    pub resource: String,
    /// One object; `None`: all of the namespace.
    pub name: Option<String>,
}

/// What is known about a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It may.
    Allowed,
    /// It may not.
    Denied,
    /// Nobody could tell so far.
    Unknown,
}
