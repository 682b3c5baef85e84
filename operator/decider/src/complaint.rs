//! Saying what is wrong once, not each time it is met.

use std::error::Error;

/// The trouble that was last said.
#[derive(Debug, Default)]
pub(crate) struct Complaint(Option<String>);

impl Complaint {
    /// Whether the error is another one than last time.
    pub(crate) fn is_news(&mut self, error: &dyn Error) -> bool {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        let is_news = self.0.as_ref() != Some(&text);
        self.0 = Some(text);
        is_news
    }

    /// Whether there is trouble.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Says that it is over; whether there was any trouble.
    pub(crate) fn settle(&mut self) -> bool {
        self.0.take().is_some()
    }
}
