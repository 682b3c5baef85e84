//! Questions about moments and their answers, one a line: the statistics for whoever wants to check them from another
//! language.
//!
//! A question stands for itself: nothing is read but its line, and the same line gives the same answer on every machine.

use std::io::{BufRead, Write};

use serde_json::value::RawValue;

use crate::cli::AnswerOutput;
use crate::lines::{LineError, Lines};

mod answer;
mod arm;
mod error;
mod object;
mod question;
#[cfg(test)]
mod tests;

use answer::{Answer, Refusal};
use error::QuestionError;
use object::Object;
use question::Asked;

/// What became of all questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Lines that got an answer.
    pub(crate) answered: u64,
    /// Lines that got an error in its place.
    pub(crate) refused: u64,
}

/// Why answering ended before the questions did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// The questions cannot be read on.
    #[error("the questions cannot be read")]
    ReadQuestion(#[source] std::io::Error),
    /// The answers cannot be written.
    #[error("the answer cannot be written to standard output")]
    WriteAnswer(#[source] std::io::Error),
    /// An answer has no form in JSON, which no answer should do.
    #[error("the answer cannot be written as JSON")]
    FormAnswer(#[from] serde_json::Error),
}

/// Answers every line of `input` by one line of `output`, in order, holding one question at a time.
///
/// Whoever asks through a pipe and waits gets each answer before the next question is read.
///
/// # Errors
/// When the input cannot be read or the output cannot be written. A bad line is no such error: its answer says what is
/// wrong with it.
pub(crate) fn answer_all(
    input: impl BufRead,
    mut output: impl Write,
    form: AnswerOutput,
) -> Result<Tally, AnswerError> {
    let mut lines = Lines::new(input);
    let mut tally = Tally::default();
    loop {
        if lines.would_wait() {
            output.flush().map_err(AnswerError::WriteAnswer)?;
        }
        let Some(line) = lines.next().map_err(AnswerError::ReadQuestion)? else {
            break;
        };
        let (text, good) = answer_line(line, form)?;
        if good {
            tally.answered += 1;
        } else {
            tally.refused += 1;
        }
        writeln!(output, "{text}").map_err(AnswerError::WriteAnswer)?;
    }
    output.flush().map_err(AnswerError::WriteAnswer)?;
    Ok(tally)
}

/// The answer to one line, and whether the line was a question.
fn answer_line(line: Result<&str, LineError>, form: AnswerOutput) -> serde_json::Result<(String, bool)> {
    let mut object = Object::default();
    let line = line.map_err(QuestionError::from).and_then(question::not_empty);
    let answered = line.and_then(|line| object.read(line)).and_then(|()| {
        let asked = Asked::read(&object)?;
        let analysis = asked.analyse()?;
        Ok((asked, analysis))
    });
    match answered {
        Ok((asked, analysis)) => {
            let answer = Answer::new(&asked, &analysis);
            let text = match form {
                AnswerOutput::Json => serde_json::to_string(&answer)?,
                AnswerOutput::Text => answer::text(asked.id, &analysis),
            };
            Ok((text, true))
        }
        Err(error) => {
            let id: Option<&RawValue> = question::id(&object).ok();
            let error = error.to_string();
            let text = match form {
                AnswerOutput::Json => serde_json::to_string(&Refusal { id, error: &error })?,
                AnswerOutput::Text => format!("{}: {error}", id.map_or("null", RawValue::get)),
            };
            Ok((text, false))
        }
    }
}
