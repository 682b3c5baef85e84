//! The run itself: units in, decisions out.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use attune_core::context::{Context, Scratch, SlotState};
use attune_core::decide::{Request, decide};
use attune_core::engine::Engine;
use attune_core::history::NoHistory;
use attune_core::trace::Trace;
use flate2::Crc;
use indicatif::ProgressBar;
use jiff::Timestamp;
use uuid::fmt::Hyphenated;

use super::checkpoint::{Checkpoint, Identity, Place};
use super::exposures::{Exposures, Template};
use super::ids::Ids;
use super::output::Sink;
use super::record::{Record, Units};
use super::rejects::Rejects;
use super::shape::Shapes;
use super::summary::Summary;

/// The longest between two marks.
const MARK_AFTER: Duration = Duration::from_secs(10);
/// Units between two looks at the clock.
const LOOK: u64 = 1024;

/// What is decided, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'e> {
    pub(crate) engine: &'e Engine,
    pub(crate) touchpoints: &'e [String],
    pub(crate) at: Timestamp,
    pub(crate) ids: Ids,
}

/// Where everything goes.
pub(crate) struct Outlets {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) exposures: Exposures,
    pub(crate) rejects: Rejects,
    /// Where marks go, and how many units are between two; `None` where none are wanted.
    pub(crate) marks: Option<(Place, u64)>,
    pub(crate) progress: ProgressBar,
}

/// A run under way.
pub(crate) struct Run<'e> {
    task: Task<'e>,
    identity: Identity,
    shapes: Shapes<'e>,
    scratch: Scratch,
    summary: Summary,
    /// Values of a wrong type since they were last added to the summary, by slot.
    wrong: Vec<u64>,
    records: u64,
    checksum: Crc,
    /// Decisions that have names.
    named: u64,
    marked: Instant,
}

impl<'e> Run<'e> {
    /// A run from the beginning.
    pub(crate) fn new(task: Task<'e>, identity: Identity) -> Self {
        Self {
            wrong: vec![0; task.engine.attributes().count()],
            task,
            identity,
            shapes: Shapes::default(),
            scratch: Scratch::default(),
            summary: Summary::default(),
            records: 0,
            checksum: Crc::new(),
            named: 0,
            marked: Instant::now(),
        }
    }

    /// The instant of its decisions.
    pub(crate) fn at(&self) -> Timestamp {
        self.task.at
    }

    /// Reads over what a run before had come to; whether these are the same units. Where it had come to their end, there
    /// must be no more of them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn skip(&mut self, units: &mut dyn Units, to: &Checkpoint) -> anyhow::Result<bool> {
        let mut record = Record::default();
        while self.records < to.records {
            if !units.next(&mut record)? {
                return Ok(false);
            }
            self.see(&record);
        }
        if to.is_whole && units.next(&mut record)? {
            return Ok(false);
        }
        self.summary = to.summary.clone();
        self.named = to.summary.decisions;
        Ok(self.checksum.sum() == to.checksum)
    }

    /// Decides for all units that are left, and puts everything where it belongs.
    ///
    /// # Errors
    /// When units cannot be read on, or something cannot be written. The last mark stands.
    pub(crate) fn finish(mut self, units: &mut dyn Units, mut outlets: Outlets) -> anyhow::Result<Summary> {
        let mut record = Record::default();
        while units.next(&mut record)? {
            self.see(&record);
            self.take(&record, &mut outlets)
                .with_context(|| format!("line {}", record.line))?;
            let every = outlets.marks.as_ref().map(|(_, every)| *every);
            let is_due = every.is_some_and(|every| self.records.is_multiple_of(every.max(1)));
            if is_due || (self.records.is_multiple_of(LOOK) && self.marked.elapsed() >= MARK_AFTER) {
                self.mark(&mut outlets, false)?;
            }
            if self.records.is_multiple_of(LOOK) {
                outlets.progress.set_position(self.records);
            }
        }
        self.mark(&mut outlets, true)?;
        outlets.progress.finish_and_clear();
        let Outlets {
            sink,
            exposures,
            rejects,
            marks,
            ..
        } = outlets;
        exposures.finish()?;
        rejects.finish()?;
        sink.finish()?;
        if let Some((place, _)) = marks {
            place.forget()?;
        }
        Ok(self.summary)
    }

    fn see(&mut self, record: &Record) {
        self.records += 1;
        self.checksum.update(&record.text);
        self.checksum.update(b"\n");
    }

    /// Decides for one unit.
    fn take(&mut self, record: &Record, outlets: &mut Outlets) -> anyhow::Result<()> {
        if let Some(problem) = &record.problem {
            return self.reject(record, problem, outlets);
        }
        let engine = self.task.engine;
        let context = match Context::decode_in(engine, &record.text, &mut self.scratch) {
            Ok(context) => context,
            Err(error) => return self.reject(record, &error.to_string(), outlets),
        };
        let Some((unit, _)) = context.unit() else {
            let path = &engine.bundle().settings.identity.unit;
            let problem = format!("`{path}` is missing or empty: there is no unit to decide for");
            return self.reject(record, &problem, outlets);
        };
        if unit.contains('\0') {
            let problem = "the unit's id holds a NUL, which no table can hold";
            return self.reject(record, problem, outlets);
        }
        for (wrong, (_, state)) in self.wrong.iter_mut().zip(context.observed(engine)) {
            *wrong += u64::from(state == SlotState::WrongType);
        }
        let bundle = engine.bundle();
        let at = self.task.at;
        let mut buffer = [0; Hyphenated::LENGTH];
        for touchpoint in self.task.touchpoints {
            let request = Request {
                touchpoint,
                context: &context,
                history: &NoHistory,
                now: at,
            };
            let decision = decide(engine, request, &mut Trace::off())?;
            let sink = outlets.sink.as_mut();
            let shape = self
                .shapes
                .count(&decision, &mut self.summary, |decision, is_anew| {
                    if is_anew {
                        sink.forget();
                    }
                    let exposures = Template::all(decision, &bundle.namespace, &bundle.channel, at)?;
                    Ok((sink.middle(decision), exposures))
                })?;
            let id: &str = self
                .task
                .ids
                .name(self.named)
                .hyphenated()
                .encode_lower(&mut buffer);
            self.named += 1;
            sink.write(unit, shape, id)?;
            self.summary.exposures += outlets.exposures.take(&shape.exposures, unit, id)?;
        }
        self.summary.units += 1;
        context.release(&mut self.scratch);
        Ok(())
    }

    fn reject(&mut self, record: &Record, problem: &str, outlets: &mut Outlets) -> anyhow::Result<()> {
        self.summary.rejected += 1;
        outlets.rejects.take(record, problem)
    }

    /// Makes everything so far durable and says so.
    fn mark(&mut self, outlets: &mut Outlets, is_whole: bool) -> anyhow::Result<()> {
        self.sum_up();
        let exposures = outlets.exposures.commit()?;
        let rejects = outlets.rejects.commit()?;
        let output = outlets.sink.commit()?;
        self.marked = Instant::now();
        let (Some((place, _)), Some(output)) = (&outlets.marks, output) else {
            return Ok(());
        };
        place.write(&Checkpoint {
            of: self.identity.clone(),
            at: self.task.at,
            ids: self.task.ids,
            records: self.records,
            checksum: self.checksum.sum(),
            output,
            exposures,
            rejects,
            is_whole,
            summary: self.summary.clone(),
        })
    }

    fn sum_up(&mut self) {
        self.shapes.drain(&mut self.summary);
        for (wrong, (name, _)) in self.wrong.iter_mut().zip(self.task.engine.attributes()) {
            if *wrong > 0 {
                *self.summary.wrong_type.entry(name.to_owned()).or_default() += *wrong;
                *wrong = 0;
            }
        }
    }
}
