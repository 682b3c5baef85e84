//! One unit as it stands in the input.

/// A unit's context, in memory that the next one uses.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Its line, or its row where the input has no lines, from 1.
    pub(crate) line: u64,
    /// Its context as JSON; where that is broken, what stands in the input.
    pub(crate) text: Vec<u8>,
    /// Why it is no context.
    pub(crate) problem: Option<String>,
}

impl Record {
    /// Forgets the unit before.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.problem = None;
    }
}

/// Units, one by one.
pub(crate) trait Units {
    /// Reads the next unit; whether there was one.
    ///
    /// # Errors
    /// When the input cannot be read on. What is wrong with one unit is said in the record.
    fn next(&mut self, record: &mut Record) -> anyhow::Result<bool>;
}
