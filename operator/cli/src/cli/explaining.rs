//! The options of `attune explain`: of a decision that would be made now, or of one that was.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::{AnswerOutput, PeerArgs, QuestionArgs, SourceArgs, instant};

/// Options of `attune explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// File or directory of resources; `-` is standard input. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "PATH", num_args = 1.., required_unless_present = "server")]
    pub paths: Vec<PathBuf>,

    /// The Channel; where several namespaces have one of that name, the namespace says which.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "server",
        conflicts_with = "server"
    )]
    pub channel: Option<String>,

    /// The touchpoint.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "server",
        conflicts_with = "server"
    )]
    pub touchpoint: Option<String>,

    /// The context, a JSON object: `{"targetingKey": "u1", "user": {"tier": "gold"}}`. With `--server`, values that take the
    /// place of those that were kept: what is sensitive was not.
    #[arg(long, value_name = "JSON", required_unless_present = "server")]
    pub context: Option<String>,

    /// The instant to judge and decide at (RFC 3339) [default: the decision's, else now].
    #[arg(long, value_name = "RFC3339", value_parser = instant, conflicts_with = "server")]
    pub at: Option<Timestamp>,

    /// The namespace: of resources that name none, or the one to ask about where the server does not know it from the token.
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,

    /// The address of a collector or an `attune serve` that keeps decisions (`replay` of a Channel).
    #[arg(long, value_name = "URL", conflicts_with = "paths")]
    pub server: Option<String>,

    /// A decision that was made: the id that its answer had.
    #[arg(long, value_name = "ID")]
    pub decision: Option<String>,

    /// Whom it was about, where ids are kept hashed. Without a decision: all that were kept about the unit are listed.
    #[arg(long, value_name = "ID", requires = "server")]
    pub unit: Option<String>,

    /// From when on they are listed (RFC 3339).
    #[arg(long, value_name = "RFC3339", value_parser = instant, requires = "unit", conflicts_with = "decision")]
    pub since: Option<Timestamp>,

    /// Those before: an instant (RFC 3339), or the last decision of a list that goes on.
    #[arg(
        long,
        value_name = "RFC3339|ID",
        requires = "since",
        conflicts_with = "decision"
    )]
    pub before: Option<String>,

    /// File with the token of a `ServiceAccount`, of audience `attune.dev`: its namespace is the one that is asked about.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub token_file: Option<PathBuf>,

    /// File with the CAs that sign for the server, in PEM [default: the system's].
    #[arg(long, value_name = "FILE", requires = "server")]
    pub ca_file: Option<PathBuf>,

    /// How to write the steps.
    #[arg(short = 'o', long, value_enum, default_value_t = AnswerOutput::Text)]
    pub output: AnswerOutput,
}

impl ExplainArgs {
    /// The question about resources, at an instant unless another is given.
    pub(crate) fn question(&self, at: Option<Timestamp>) -> QuestionArgs {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        QuestionArgs {
            source: SourceArgs {
                paths: self.paths.clone(),
                namespace: self.namespace.clone(),
                at: self.at.or(at),
            },
            channel: text(&self.channel),
            touchpoint: text(&self.touchpoint),
            context: text(&self.context),
        }
    }

    /// Whom to ask about decisions that were made.
    pub(crate) fn peer(&self) -> PeerArgs {
        PeerArgs {
            namespace: self.namespace.clone(),
            token_file: self.token_file.clone(),
            ca_file: self.ca_file.clone(),
        }
    }
}
