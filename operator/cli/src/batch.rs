//! `attune batch`: one decision a unit and touchpoint, for as many units as there are.
//!
//! Memory does not grow with the units: they are read one by one ([`input`]), decided by the engine that deciders run, and
//! written as they come ([`output`]). [`checkpoint`] says how a run that was ended is gone on with.

mod cell;
mod checkpoint;
mod exposures;
mod ids;
mod input;
mod output;
mod part;
mod record;
mod rejects;
mod run;
mod shape;
mod summary;
mod table;

pub(crate) use checkpoint::{Checkpoint, Identity, Place};
pub(crate) use exposures::{CollectorLink, Exposures};
pub(crate) use ids::Ids;
pub(crate) use input::{CsvRows, JsonLines, ParquetRows, open};
pub(crate) use output::{Csv, Layout, Ndjson, Parquet, Sink, Text, slots};
pub(crate) use part::{Part, beside, complete};
pub(crate) use record::Units;
pub(crate) use rejects::Rejects;
pub(crate) use run::{Outlets, Run, Task};
pub(crate) use summary::Summary;
pub(crate) use table::{TableRows, TableSink};
