//! `attune plan`.

use std::process::ExitCode;

use crate::change::{Change, Moves, decide_both, json, text};
use crate::cli::{AnswerOutput, ChangeArgs};
use crate::contexts;
use crate::space::Space;
use crate::strategy::Strategy;
use crate::terminal::{print, say};

/// Exit code where something changes.
const CHANGES: u8 = 2;

/// Prints what changes: 0 nothing, 2 something, 1 when that cannot be told.
pub(crate) fn run(args: &ChangeArgs) -> ExitCode {
    match compare(args) {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(CHANGES),
        Err(error) => {
            say(format_args!("attune: {error:#}"));
            super::failed()
        }
    }
}

fn compare(args: &ChangeArgs) -> anyhow::Result<bool> {
    // Both sides are judged at one instant.
    let at = args.source.at();
    let load = |source| -> anyhow::Result<Vec<Space>> {
        let strategy = Strategy::load(source)?;
        strategy.warn_of_refusals();
        anyhow::ensure!(
            strategy.is_readable(),
            "not every file can be read: see `attune lint`"
        );
        Space::all(&strategy, at)
    };
    let (before, after) = (load(&args.before(at))?, load(&args.source)?);
    let change = Change::between(&before, &after);
    let moves = match &args.contexts {
        None => None,
        Some(path) => {
            let mut moves = Moves::default();
            contexts::read(path, |line| decide_both(line, (&before, &after), at, &mut moves))?;
            Some(moves)
        }
    };
    let answer = match args.output {
        AnswerOutput::Text => text(&change, moves.as_ref()),
        AnswerOutput::Json => json(&change, moves.as_ref())?,
    };
    print(&answer)?;
    Ok(change.is_any())
}
