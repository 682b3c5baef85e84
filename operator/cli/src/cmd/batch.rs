//! `attune batch`.

mod open;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use attune_core::engine::Engine;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use reqwest::Url;

use super::{channel_engine, failed};
use crate::batch::{Checkpoint, Identity, Ids, Outlets, Place, Run, Summary, Task, Units, beside, complete};
use crate::cli::{BatchArgs, SummaryOutput};
use crate::terminal::say;

use open::End;
use report::Report;

/// Variable with the name of the run that this is an attempt of: a Job's. Marks of other runs are not gone on with, since
/// those decided at another instant.
const RUN: &str = "ATTUNE_RUN";

/// Decides for all units; 1 when some lines were none.
pub(crate) fn run(args: &BatchArgs) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    // Files and engines wait in turns here; only databases and collectors are waited for asynchronously.
    let result = tokio::task::block_in_place(|| decide_all(args));
    let report = Report::of(&result, began.elapsed());
    let written = args.report.as_ref().map_or(Ok(()), |path| report.write(path));
    // Why the run failed says more than why that could not be written.
    let done = result?;
    written?;
    match args.summary {
        SummaryOutput::Text => say(done.summary.text().trim_end()),
        SummaryOutput::Json => say(serde_json::to_string(&done)?),
    }
    if done.summary.rejected > 0 && !args.tolerate_rejects {
        return Ok(failed());
    }
    Ok(ExitCode::SUCCESS)
}

/// A run that is over.
#[derive(Debug, serde::Serialize)]
struct Done {
    revision: String,
    at: Timestamp,
    #[serde(flatten)]
    summary: Summary,
}

fn decide_all(args: &BatchArgs) -> anyhow::Result<Done> {
    let place = match End::of(&args.out) {
        End::File(path) => Some(Place::of(&path)),
        End::Stream | End::Table(_) => None,
    };
    open::differ(args)?;
    ensure!(
        !args.resume || place.is_some(),
        "--resume needs a file in --out: a stream cannot be gone on with, and a table has all of a run or nothing"
    );
    let before = place.as_ref().filter(|_| args.resume).and_then(Place::read);
    if let Some(mark) = before {
        match go_on(args, &mark, place.clone())? {
            Resumed::Done(done) => return Ok(*done),
            Resumed::Other(why) => say(format_args!("attune: {why}; beginning anew")),
        }
    }
    let now = Timestamp::now();
    let at = args.at.unwrap_or(now);
    let rules = Rules::load(args, at)?;
    let identity = rules.identity(args)?;
    let run = Run::new(rules.task(at, Ids::draw(now)), identity);
    let units = open::units(args, &rules.engine)?;
    rules.finish(args, run, units, None, place)
}

/// What became of a run that was to be gone on with.
enum Resumed {
    Done(Box<Done>),
    /// It is another one.
    Other(&'static str),
}

fn go_on(args: &BatchArgs, mark: &Checkpoint, place: Option<Place>) -> anyhow::Result<Resumed> {
    let rules = Rules::load(args, mark.at)?;
    let identity = rules.identity(args)?;
    if identity != mark.of {
        return Ok(Resumed::Other("the unfinished run is of other rules or options"));
    }
    let mut run = Run::new(rules.task(mark.at, mark.ids), identity);
    let mut units = open::units(args, &rules.engine)?;
    if !run.skip(units.as_mut(), mark)? {
        ensure!(
            End::of(&args.units) != End::Stream,
            "the units are not those of the unfinished run: run without --resume"
        );
        return Ok(Resumed::Other("the units are not those of the unfinished run"));
    }
    let done = if mark.is_whole {
        put(args, &rules, mark, place.as_ref())?
    } else {
        rules.finish(args, run, units, Some(mark), place)?
    };
    Ok(Resumed::Done(Box::new(done)))
}

/// A url as it may stand in a file.
fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // Where there can be none, there are none.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.to_string()
}

/// What decides, and where.
struct Rules {
    engine: Engine,
    touchpoints: Vec<String>,
}

impl Rules {
    fn load(args: &BatchArgs, at: Timestamp) -> anyhow::Result<Self> {
        let engine = load(args, at)?;
        let touchpoints = touchpoints(&engine, &args.touchpoints)?;
        Ok(Self { engine, touchpoints })
    }

    fn task(&self, at: Timestamp, ids: Ids) -> Task<'_> {
        Task {
            engine: &self.engine,
            touchpoints: &self.touchpoints,
            at,
            ids,
        }
    }

    /// What must be the same for a run to be gone on with.
    fn identity(&self, args: &BatchArgs) -> anyhow::Result<Identity> {
        let told = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        Ok(Identity {
            revision: self.engine.revision().to_owned(),
            touchpoints: self.touchpoints.clone(),
            units: args.units.clone(),
            format: format!("{:?}", open::out_format(args)?),
            exposures: told(&args.exposures).or_else(|| args.collector.as_ref().map(without_credentials)),
            rejects: told(&args.rejects),
            run: std::env::var(RUN).ok().filter(|run| !run.is_empty()),
            asked_at: args.at,
        })
    }

    fn finish(
        &self,
        args: &BatchArgs,
        run: Run<'_>,
        mut units: Box<dyn Units>,
        mark: Option<&Checkpoint>,
        place: Option<Place>,
    ) -> anyhow::Result<Done> {
        // The output is locked before anything of a run before is forgotten.
        let at = run.at();
        let written = mark.map_or(0, |mark| mark.output);
        let sink = open::sink(args, &self.engine, &self.touchpoints, at, written)?;
        if let Some(place) = place.as_ref().filter(|_| mark.is_none()) {
            place.forget()?;
        }
        let outlets = Outlets {
            sink,
            exposures: open::exposures(args, mark.map_or(0, |mark| mark.exposures))?,
            rejects: open::rejects(args, mark.map_or(0, |mark| mark.rejects))?,
            marks: place.map(|place| (place, args.mark_every)),
            progress: progress()?,
        };
        Ok(Done {
            revision: self.engine.revision().to_owned(),
            at,
            summary: run.finish(units.as_mut(), outlets)?,
        })
    }
}

/// Puts the files of a run where they belong that was ended just before it did so itself.
fn put(args: &BatchArgs, rules: &Rules, mark: &Checkpoint, place: Option<&Place>) -> anyhow::Result<Done> {
    for path in args.exposures.iter().chain(&args.rejects) {
        complete(path)?;
    }
    let is_left = matches!(End::of(&args.out), End::File(path) if beside(&path, ".part").exists());
    if is_left {
        let sink = open::sink(args, &rules.engine, &rules.touchpoints, mark.at, mark.output)?;
        sink.finish()?;
    }
    place.map_or(Ok(()), Place::forget)?;
    Ok(Done {
        revision: mark.of.revision.clone(),
        at: mark.at,
        summary: mark.summary.clone(),
    })
}

fn load(args: &BatchArgs, at: Timestamp) -> anyhow::Result<Engine> {
    let engine = match (&args.bundle, &args.channel) {
        (Some(path), _) => Engine::parse(&open::bundle(path)?)?,
        (None, Some(channel)) => channel_engine(&args.source(at), channel)?,
        (None, None) => bail!("say which Channel by --channel"),
    };
    let found = &engine.bundle().channel;
    if let Some(channel) = args.channel.as_ref().filter(|channel| *channel != found) {
        bail!("the bundle is for channel `{found}`, not `{channel}`");
    }
    Ok(engine)
}

/// The touchpoints that are asked for, each once; all, where none are.
fn touchpoints(engine: &Engine, asked: &[String]) -> anyhow::Result<Vec<String>> {
    let known: Vec<String> = engine.touchpoints().map(str::to_owned).collect();
    if asked.is_empty() {
        ensure!(!known.is_empty(), "the channel declares no touchpoint");
        return Ok(known);
    }
    let mut touchpoints: Vec<String> = Vec::new();
    for name in asked {
        ensure!(
            known.contains(name),
            "touchpoint `{name}` is not declared by channel `{}`; it declares `{}`",
            engine.bundle().channel,
            known.join("`, `")
        );
        if !touchpoints.contains(name) {
            touchpoints.push(name.clone());
        }
    }
    Ok(touchpoints)
}

/// Shows itself on a terminal only.
fn progress() -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{spinner} {human_pos} units, {per_sec}, {elapsed}");
    let bar = ProgressBar::new_spinner().with_style(style.context("no progress can be shown")?);
    Ok(bar)
}
