//! Where a bundle comes from.

/// Who vouches for the bundle that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The operator, which published it or confirmed it.
    Operator,
    /// The disk, where the last good one is kept.
    Disk,
    /// The mounted ConfigMap.
    Fallback,
    /// The process that the decider is a part of.
    Embedding,
}

impl Source {
    /// As metrics spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Disk => "disk",
            Self::Fallback => "fallback",
            Self::Embedding => "embedding",
        }
    }
}
