//! The options of decisions in bulk.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{SourceArgs, instant};

/// Options of `attune batch`.
#[derive(Debug, Args)]
pub struct BatchArgs {
    /// File or directory of resources; `-` is standard input. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "PATH", required_unless_present = "bundle", num_args = 1..)]
    pub paths: Vec<PathBuf>,

    /// A Channel's bundle instead of resources, as the operator publishes it, packed (`.gz`) or not.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "namespace"])]
    pub bundle: Option<PathBuf>,

    /// The namespace of resources that name none [default: default].
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,

    /// The instant to judge and decide at (RFC 3339) [default: now, once for the whole run].
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub at: Option<Timestamp>,

    /// The Channel; where several namespaces have one of that name, the namespace says which. A bundle has one only.
    #[arg(long, value_name = "NAME", required_unless_present = "bundle")]
    pub channel: Option<String>,

    /// The touchpoint. Repeatable [default: all of the Channel].
    #[arg(long = "touchpoint", value_name = "NAME", num_args = 1..)]
    pub touchpoints: Vec<String>,

    /// Where the units are: a file, `-` for standard input, or `postgres:TABLE`, with the connection in `ATTUNE_UNITS_URI` and the CAs
    /// that sign for the server, in PEM, in `ATTUNE_UNITS_CA`. Files that end in `.gz` are unpacked.
    #[arg(long, value_name = "FILE")]
    pub units: String,

    /// Where the decisions go: a file, `-` for standard output, or `postgres:TABLE`, with the connection in `ATTUNE_OUT_URI` and the CAs
    /// in `ATTUNE_OUT_CA`. It is there when the run is over, and all at once.
    #[arg(long, value_name = "FILE")]
    pub out: String,

    /// How the decisions are written, and how the units are where neither `--units-format` nor their name says so [default: by
    /// the name's ending].
    #[arg(long, value_enum)]
    pub format: Option<UnitsFormat>,

    /// How the units are written [default: by the name's ending].
    #[arg(long, value_enum)]
    pub units_format: Option<UnitsFormat>,

    /// Go on with a run of the same rules over the same units that was ended, from its last mark; anew where there is none.
    #[arg(long)]
    pub resume: bool,

    /// Units between two marks, from which a run can be gone on with.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    pub mark_every: u64,

    /// Write who was exposed to what as CloudEvents, one a line, as deciders send them.
    #[arg(long, value_name = "FILE", conflicts_with = "collector")]
    pub exposures: Option<PathBuf>,

    /// Send who was exposed to what to this collector, which has it before a mark is set.
    #[arg(long, value_name = "URL")]
    pub collector: Option<reqwest::Url>,

    /// How many seconds to try a collector that does not take what is sent.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub patience: u32,

    /// File with the token for the collector, of audience `attune.dev`.
    #[arg(long, value_name = "FILE", requires = "collector")]
    pub token_file: Option<PathBuf>,

    /// File with the CAs that sign for the collector, in PEM [default: the system's].
    #[arg(long, value_name = "FILE", requires = "collector")]
    pub ca_file: Option<PathBuf>,

    /// Keep what is no unit, with its line and what is wrong with it, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,

    /// Exit with 0 although there were lines that are no units.
    #[arg(long)]
    pub tolerate_rejects: bool,

    /// How to write what came of the run, on standard error.
    #[arg(long, value_enum, default_value_t = SummaryOutput::Text)]
    pub summary: SummaryOutput,

    /// Write the counts of the run, or why there are none, as one JSON object into this file.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// How units or decisions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnitsFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// How a summary is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SummaryOutput {
    /// For a person.
    Text,
    /// One JSON object in a line.
    Json,
}

impl BatchArgs {
    /// The resources, judged at an instant.
    pub(crate) fn source(&self, at: Timestamp) -> SourceArgs {
        SourceArgs {
            paths: self.paths.clone(),
            namespace: self.namespace.clone(),
            at: Some(at),
        }
    }
}
