//! Who may ask, and from which pages: keys from a mounted file and the origins of browsers.

mod keys;
mod origins;
#[cfg(test)]
mod tests;

pub use keys::Keys;
pub use origins::{OriginError, Origins};

/// Who may ask.
#[derive(Debug, Default)]
pub struct Access {
    /// Pages whose scripts may read answers.
    pub origins: Origins,
    /// Keys that callers must show one of; without, everybody who reaches the port may ask.
    pub keys: Option<Keys>,
}
