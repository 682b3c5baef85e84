//! `attune lift`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::failed;
use crate::cli::LiftArgs;
use crate::lift::{AnswerError, Tally, answer_all};

/// Answers every line; 1 when one of them was no question.
pub(crate) fn run(args: &LiftArgs) -> anyhow::Result<ExitCode> {
    let output = BufWriter::new(io::stdout().lock());
    let tally = if args.moments == Path::new("-") {
        answer_all(io::stdin().lock(), output, args.output)
    } else {
        let file =
            File::open(&args.moments).with_context(|| format!("cannot read `{}`", args.moments.display()))?;
        answer_all(BufReader::new(file), output, args.output)
    };
    match tally {
        Ok(Tally { refused: 0, .. }) => Ok(ExitCode::SUCCESS),
        Ok(_) => Ok(failed()),
        // A reader that has gone away has seen what it wanted.
        Err(AnswerError::WriteAnswer(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error.into()),
    }
}
