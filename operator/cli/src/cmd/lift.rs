//! `attune lift`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use jiff::Timestamp;

use super::failed;
use crate::cli::{AnswerOutput, LiftArgs, LiftOutput, SourceArgs};
use crate::lift::{AnswerError, Tally, answer_all};
use crate::offline::{Analysis, render};
use crate::strategy::Strategy;
use crate::terminal::{print, say};

/// Answers; 1 when a line was no question or no event.
pub(crate) async fn run(args: &LiftArgs) -> anyhow::Result<ExitCode> {
    match (&args.moments, &args.events) {
        (Some(moments), _) => of_moments(moments, args.output),
        (None, Some(events)) => of_events(events, args).await,
        // The command line has asked for one of them.
        (None, None) => anyhow::bail!("name a file by --moments or --events"),
    }
}

fn of_moments(path: &Path, output: Option<LiftOutput>) -> anyhow::Result<ExitCode> {
    let form = match output {
        Some(LiftOutput::Text) => AnswerOutput::Text,
        None | Some(LiftOutput::Json) => AnswerOutput::Json,
    };
    let output = BufWriter::new(io::stdout().lock());
    match answer_all(open(path)?, output, form) {
        Ok(Tally { refused: 0, .. }) => Ok(ExitCode::SUCCESS),
        Ok(_) => Ok(failed()),
        // A reader that has gone away has seen what it wanted.
        Err(AnswerError::WriteAnswer(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error.into()),
    }
}

/// The experiments that are sound are answered, as in the cluster.
async fn of_events(path: &Path, args: &LiftArgs) -> anyhow::Result<ExitCode> {
    let source = SourceArgs {
        paths: args.paths.clone(),
        namespace: args.namespace.clone(),
        at: args.at,
    };
    let strategy = Strategy::load(&source)?;
    strategy.warn_of_refusals();
    let at = args.at.unwrap_or_else(Timestamp::now);
    let index = strategy.settle(at);
    let mut analysis = Analysis::open(source.namespace(), at)?;
    analysis
        .register(index.inquiries().map(|(_, inquiry)| inquiry))
        .await?;
    let refused = analysis.take(open(path)?, &path.display().to_string()).await?;
    if refused > 0 {
        let lines = if refused == 1 { "line is" } else { "lines are" };
        say(format_args!(
            "attune: {refused} {lines} no event that can be taken; the others count"
        ));
    }
    let mut answers = Vec::new();
    for (_, inquiry) in index.inquiries() {
        answers.extend(analysis.ask(inquiry).await?);
    }
    let text = match args.output {
        Some(LiftOutput::Json) => render::json(&answers)?,
        None | Some(LiftOutput::Text) => render::table(&answers),
    };
    print(&text)?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { failed() })
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}
