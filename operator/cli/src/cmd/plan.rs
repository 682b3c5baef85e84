//! `attune plan`.

use std::process::ExitCode;

use crate::change::{Change, Moves, decide_both, json, text};
use crate::cli::{AnswerOutput, ChangeArgs, SourceArgs};
use crate::cluster::Cluster;
use crate::contexts;
use crate::inventory::Inventory;
use crate::space::Space;
use crate::strategy::Strategy;
use crate::terminal::{print, say};

/// Exit code where something changes.
const CHANGES: u8 = 2;

/// Prints what changes: 0 nothing, 2 something, 1 when that cannot be told.
pub(crate) async fn run(args: &ChangeArgs) -> ExitCode {
    match compare(args).await {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(CHANGES),
        Err(error) => {
            say(format_args!("attune: {error:#}"));
            super::failed()
        }
    }
}

async fn compare(args: &ChangeArgs) -> anyhow::Result<bool> {
    // Both sides are judged at one instant.
    let at = args.source.at();
    let files = read(&args.source)?;
    let (before, after) = if args.cluster {
        let standing = standing(args, &files).await?;
        let applied = standing.apply(&files);
        let after = if args.prune {
            applied.prune(&files)
        } else {
            applied
        };
        (standing, after)
    } else {
        (read(&args.before(at))?, files)
    };
    let (before, after) = (Space::all(&before, at)?, Space::all(&after, at)?);
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

fn read(source: &SourceArgs) -> anyhow::Result<Inventory> {
    let strategy = Strategy::load(source)?;
    strategy.warn_of_refusals();
    anyhow::ensure!(
        strategy.is_readable(),
        "not every file can be read: see `attune lint`"
    );
    Ok(strategy.inventory())
}

/// What the cluster has where these files may change something.
async fn standing(args: &ChangeArgs, files: &Inventory) -> anyhow::Result<Inventory> {
    let cluster = Cluster::connect(args.context.as_deref()).await?;
    let namespaces = files.namespaces();
    cluster.read((!files.is_about_all()).then_some(&namespaces)).await
}
