//! Names of tables.

use std::fmt;

use crate::source::SourceError;

/// What is longer, the server would cut off, and might then find another table.
const MAX_BYTES: usize = 63;

/// The name of a table; what it displays is quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    name: String,
}

impl Table {
    /// Reads `name` or `schema.name`, each taken as it stands, upper and lower case apart.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(name: &str) -> Result<Self, SourceError> {
        let parts: Vec<&str> = name.split('.').collect();
        let fits = |part: &&str| !part.is_empty() && part.len() <= MAX_BYTES && !part.contains('\0');
        if parts.len() > 2 || !parts.iter().all(fits) {
            return Err(SourceError::NameTable {
                table: name.chars().take(2 * MAX_BYTES).collect(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
        })
    }

    /// The name as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.name.split('.').enumerate() {
            let dot = if place == 0 { "" } else { "." };
            write!(f, "{dot}\"{}\"", part.replace('"', "\"\""))?;
        }
        Ok(())
    }
}
