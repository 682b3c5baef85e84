//! The options of the verbs that are about persons.

use clap::Args;
use jiff::Timestamp;

use super::{AnswerOutput, instant};

/// Whom to ask, and how to prove who asks.
#[derive(Debug, Args)]
pub struct PeerArgs {
    /// The namespace, where the server does not know it from the token.
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,

    /// File with the token of a ServiceAccount, of audience `attune.dev`: its namespace is the one that is asked about.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<std::path::PathBuf>,

    /// File with the CAs that sign for the server, in PEM [default: the system's].
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<std::path::PathBuf>,
}

/// Options of `attune forget`.
#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// The address of a collector, a decider or an `attune serve`. Repeatable: every decider has a memory of its own.
    #[arg(long = "server", value_name = "URL", required = true)]
    pub servers: Vec<String>,

    /// The unit's id, or any of its aliases.
    #[arg(long, value_name = "ID")]
    pub unit: String,

    /// Whom to ask, and how to prove who asks.
    #[command(flatten)]
    pub peer: PeerArgs,

    /// How to write the answer.
    #[arg(short = 'o', long, value_enum, default_value_t = AnswerOutput::Text)]
    pub output: AnswerOutput,
}

/// Options of `attune recall`.
#[derive(Debug, Args)]
pub struct RecallArgs {
    /// The address of a collector or an `attune serve`.
    #[arg(long, value_name = "URL")]
    pub server: String,

    /// The variant, as exposures name it.
    #[arg(long, value_name = "MODULE/NAME")]
    pub variant: String,

    /// From when on (RFC 3339).
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub since: Timestamp,

    /// Whom to ask, and how to prove who asks.
    #[command(flatten)]
    pub peer: PeerArgs,

    /// How to write the answer.
    #[arg(short = 'o', long, value_enum, default_value_t = AnswerOutput::Text)]
    pub output: AnswerOutput,
}
