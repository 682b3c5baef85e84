//! Options of `attune export`.

use std::path::PathBuf;

use attune_api::delivery::RuleFormat;
use clap::{Args, ValueEnum};

use super::SourceArgs;

/// Options of `attune export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Which resources, judged when.
    #[command(flatten)]
    pub source: SourceArgs,

    /// The channel.
    #[arg(long, value_name = "NAME")]
    pub channel: String,

    /// How to write its rules.
    #[arg(long, value_enum, default_value_t = ExportFormat::Attune)]
    pub format: ExportFormat,

    /// File to write to instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The formats of `delivery`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ExportFormat {
    /// The bundle itself.
    Attune,
    /// flagd's flag definitions.
    Flagd,
    /// The content each audience gets.
    Content,
}

impl From<ExportFormat> for RuleFormat {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Attune => Self::Attune,
            ExportFormat::Flagd => Self::Flagd,
            ExportFormat::Content => Self::Content,
        }
    }
}
