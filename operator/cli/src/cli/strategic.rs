//! Options of the verbs about a strategy as a whole.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{AnswerOutput, SourceArgs};

const COVERAGE_HELP: &str = "\
A cell is one audience of a Program at one touchpoint in one locale. It is

  Differentiated  where the audience has words of its own
  Waived          where the Program leaves it out, until the day that it says
  Shared          where another audience, everybody or the baseline has the same words
  Untranslated    where the words are written in another locale
  Baseline        where the audience gets what everybody gets
  Missing         where it gets nothing

CSV is a brief: one row a cell that is open, with who the audience is and what fits, ordered by reach. HTML shows every
message as a person would get it, on one page that loads nothing.";

const PLAN_HELP: &str = "\
The exit code is 0 when nothing changes, 2 when something does, and 1 when either side or a context cannot be read, so that a
script can tell the three apart. A context is one JSON object a line, as a decider is asked:

  {\"targetingKey\": \"u1\", \"consent\": [\"personalization\"], \"user\": {\"tier\": \"gold\"}}

With --cluster the right to list the resources of the namespaces that the files name is needed, and to get the namespaces; with a
GovernancePolicy among the files, those of all namespaces. What has been decided and has concluded there holds on both sides; a
form that is carried over while its object is broken is not seen.";

const AUDIT_HELP: &str = "\
Every line of the contexts is one person, who is decided for at every touchpoint. The group is the value of the attribute in the
context; no rule sees it unless a contract declares it, and then the audit says so. A difference is flagged where its interval,
at 95 % over all comparisons together, lies beyond the bound. The exit code is 1 when one is.";

/// Options of `attune coverage`.
#[derive(Debug, Args)]
#[command(after_long_help = COVERAGE_HELP)]
pub struct CoverageArgs {
    /// Which resources, judged when.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the matrix.
    #[arg(short = 'o', long, value_enum, default_value_t = CoverageOutput::Table)]
    pub output: CoverageOutput,
}

/// How the matrix is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CoverageOutput {
    /// Tables, and what each team has to do.
    Table,
    /// One JSON object.
    Json,
    /// The open cells, as a brief for those who write.
    Csv,
    /// A page with every message.
    Html,
}

/// Options of `attune plan`.
#[derive(Debug, Args)]
#[command(after_long_help = PLAN_HELP)]
pub struct ChangeArgs {
    /// Which resources there will be, judged when.
    #[command(flatten)]
    pub source: SourceArgs,

    /// File or directory of the resources that there are. Repeatable.
    #[arg(long, value_name = "PATH", required_unless_present = "cluster", num_args = 1..)]
    pub against: Vec<PathBuf>,

    /// The resources that there are stand in the cluster, and the files are applied to it: what they do not name stays.
    #[arg(long, conflicts_with = "against")]
    pub cluster: bool,

    /// The context of the kubeconfig [default: the current one].
    #[arg(long, value_name = "NAME", requires = "cluster")]
    pub context: Option<String>,

    /// What the files do not name is deleted, in the namespaces that they name.
    #[arg(long, requires = "cluster")]
    pub prune: bool,

    /// File of contexts, one a line: who would get another message; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub contexts: Option<PathBuf>,

    /// How to write the changes.
    #[arg(short = 'o', long, value_enum, default_value_t = AnswerOutput::Text)]
    pub output: AnswerOutput,
}

impl ChangeArgs {
    /// The resources that there are, judged at the same instant.
    pub(crate) fn before(&self, at: Timestamp) -> SourceArgs {
        SourceArgs {
            paths: self.against.clone(),
            namespace: self.source.namespace.clone(),
            at: Some(at),
        }
    }
}

/// Options of `attune audit`.
#[derive(Debug, Args)]
#[command(after_long_help = AUDIT_HELP)]
pub struct AuditArgs {
    /// Which resources, judged when.
    #[command(flatten)]
    pub source: SourceArgs,

    /// File of contexts, one a line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub contexts: PathBuf,

    /// The attribute whose values make the groups: `user.region`.
    #[arg(long, value_name = "ATTRIBUTE")]
    pub group: String,

    /// How much the share of a group may differ from that of all others, in basis points.
    #[arg(long, value_name = "BP", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub bound_bp: u32,

    /// How to write the shares.
    #[arg(short = 'o', long, value_enum, default_value_t = AnswerOutput::Text)]
    pub output: AnswerOutput,
}
