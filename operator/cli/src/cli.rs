//! The command line: what can be asked, and how answers become exit codes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::cmd;
use crate::render::LintFormat;
use crate::terminal::say;

mod bulk;
mod explaining;
mod export;
mod privacy;
mod statistics;
mod strategic;
mod upkeep;

pub use bulk::{BatchArgs, SummaryOutput, UnitsFormat};
pub use explaining::ExplainArgs;
pub use export::{ExportArgs, ExportFormat};
pub use privacy::{ForgetArgs, PeerArgs, RecallArgs};
pub use statistics::{LiftArgs, LiftOutput, PlanArgs, PlanMethod, PlanType};
pub use strategic::{AuditArgs, ChangeArgs, CoverageArgs, CoverageOutput};
pub use upkeep::{ApproveArgs, DecayArgs};

/// Exit code of wrong usage and of input that cannot be read.
pub const UNREADABLE: u8 = 2;

/// Attune: personalization as resources that are checked, compiled, decided on and measured.
#[derive(Debug, Parser)]
#[command(name = "attune", version)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the custom resource definitions, ready for `kubectl apply -f -`.
    Crds(CrdsArgs),
    /// Check resources as the cluster would, without one.
    Lint(LintArgs),
    /// Show what each audience gets at each touchpoint in each locale, and what is missing.
    Coverage(CoverageArgs),
    /// Show what a change of resources changes live: rules, coverage, and who gets another message.
    Plan(ChangeArgs),
    /// Compare what groups of people get, by an attribute that is used for nothing else.
    Audit(AuditArgs),
    /// Look ahead: what will be overdue, expired or too old at a day.
    Decay(DecayArgs),
    /// Approve a variant's words as they stand in a file, and write that into the file.
    Approve(ApproveArgs),
    /// Decide what a unit gets at a touchpoint: the answer that a decider would give.
    Decide(DecideArgs),
    /// Decide for many units, from a table or file to another.
    Batch(Box<BatchArgs>),
    /// Explain a decision step by step: one that would be made, or one that was made and kept.
    Explain(ExplainArgs),
    /// Write a channel's rules as they are handed to those who run no decider.
    Export(ExportArgs),
    /// Serve decisions, take events and measure, all in this process.
    Serve(ServeArgs),
    /// Show resources with their status, as `kubectl get` prints them.
    Status(StatusArgs),
    /// Tell lift with its interval and its verdict: of questions about moments, or of experiments and a log of events.
    Lift(LiftArgs),
    /// Plan an experiment: how many units it needs, how long that takes, when to look.
    PlanExperiment(PlanArgs),
    /// Erase all that is known of a unit: its state, what waits and what is stored.
    Forget(ForgetArgs),
    /// List who saw a variant: how many units and, where their ids are kept in plain, which.
    Recall(RecallArgs),
    /// Wait until parts of a cluster say that they are ready; for `helm test` and scripts.
    Ready(ReadyArgs),
}

/// Options of `attune crds`.
#[derive(Debug, Args)]
pub struct CrdsArgs {
    /// Write one file a kind into this directory instead.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Which resources, judged when.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// File or directory of resources; `-` is standard input. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "PATH", required = true, num_args = 1..)]
    pub paths: Vec<PathBuf>,

    /// The namespace of resources that name none [default: default].
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,

    /// The instant to judge and decide at (RFC 3339) [default: now].
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub at: Option<Timestamp>,
}

impl SourceArgs {
    /// The namespace of resources that name none.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }

    /// The instant to judge at.
    pub fn at(&self) -> Timestamp {
        self.at.unwrap_or_else(Timestamp::now)
    }
}

/// Options of `attune lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Which resources, judged when.
    #[command(flatten)]
    pub source: SourceArgs,

    /// How to write the findings.
    #[arg(short = 'o', long, value_enum, default_value_t = LintOutput::Text)]
    pub output: LintOutput,

    /// File or directory with roles and their bindings, of namespaces and of the cluster: whether owners may change what they own is
    /// answered from them, as a cluster would. Repeatable.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub rbac: Vec<PathBuf>,

    /// CODEOWNERS file of the repository, for policies whose `ownerAccess` is `via: Codeowners`.
    #[arg(long, value_name = "FILE")]
    pub codeowners: Option<PathBuf>,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LintOutput {
    /// With the line and what to do about it.
    Text,
    /// One JSON object.
    Json,
    /// Workflow commands that GitHub shows beside the lines of a change.
    Github,
}

impl From<LintOutput> for LintFormat {
    fn from(output: LintOutput) -> Self {
        match output {
            LintOutput::Text => Self::Text,
            LintOutput::Json => Self::Json,
            LintOutput::Github => Self::Github,
        }
    }
}

/// Which decision.
#[derive(Debug, Args)]
pub struct QuestionArgs {
    /// Which resources, judged when.
    #[command(flatten)]
    pub source: SourceArgs,

    /// The Channel; where several namespaces have one of that name, the namespace says which.
    #[arg(long, value_name = "NAME")]
    pub channel: String,

    /// The touchpoint.
    #[arg(long, value_name = "NAME")]
    pub touchpoint: String,

    /// The context, a JSON object: `{"targetingKey": "u1", "user": {"tier": "gold"}}`.
    #[arg(long, value_name = "JSON")]
    pub context: String,
}

/// Options of `attune decide`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// Which decision.
    #[command(flatten)]
    pub question: QuestionArgs,

    /// How to write the answer.
    #[arg(short = 'o', long, value_enum, default_value_t = AnswerOutput::Json)]
    pub output: AnswerOutput,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnswerOutput {
    /// For a person.
    Text,
    /// One JSON object.
    Json,
}

/// Options of `attune serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Which resources, judged when.
    #[command(flatten)]
    pub source: SourceArgs,

    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8016")]
    pub listen: SocketAddr,

    /// Where events are kept; a directory of its own that goes with the process, unless given.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Mount this Channel at the root too; `NAMESPACE/NAME` where the name is not unique.
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,

    /// Directory with the `url` of the Redis or Valkey that Channels with a `state` share with other processes, and where
    /// needed the `ca.crt` to trust and the `key` that unit ids are hashed with; without it, this process' memory is all.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// Options of `attune status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The address of an `attune serve`: `http://127.0.0.1:8016`.
    #[arg(long, value_name = "URL", conflicts_with_all = ["paths", "namespace"])]
    pub server: Option<String>,

    /// File or directory of resources, judged without a server; `-` is standard input. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "PATH", required_unless_present = "server", num_args = 1..)]
    pub paths: Vec<PathBuf>,

    /// Show the wide columns too.
    #[arg(long)]
    pub wide: bool,

    /// The namespace of resources that name none [default: default].
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,

    /// The instant to judge at, and to count ages to (RFC 3339) [default: now].
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// Options of `attune ready`.
#[derive(Debug, Args)]
pub struct ReadyArgs {
    /// The addresses to ask: `http://attune-operator.attune-system.svc:8080/readyz`.
    #[arg(value_name = "URL", required = true)]
    pub urls: Vec<String>,

    /// How many seconds to wait for all of them together.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u32,
}

impl Cli {
    /// Says how a verb is used, and exits as that verb does when it cannot do what was asked: `plan` keeps 2 for changes.
    pub fn refuse(error: &clap::Error) -> ExitCode {
        // What cannot be printed cannot be complained about either.
        let _ = error.print();
        let is_plan = std::env::args().nth(1).as_deref() == Some("plan");
        match error.exit_code() {
            0 => ExitCode::SUCCESS,
            _ if is_plan => ExitCode::FAILURE,
            _ => ExitCode::from(UNREADABLE),
        }
    }

    /// Does what was asked; what goes wrong is said on standard error.
    pub async fn run(self) -> ExitCode {
        let result = match self.verb {
            Verb::Crds(args) => cmd::crds::run(&args),
            Verb::Lint(args) => cmd::lint::run(&args),
            Verb::Coverage(args) => cmd::coverage::run(&args),
            Verb::Plan(args) => return cmd::plan::run(&args).await,
            Verb::Audit(args) => cmd::audit::run(&args),
            Verb::Decay(args) => cmd::decay::run(&args),
            Verb::Approve(args) => cmd::approve::run(&args),
            Verb::Decide(args) => cmd::decide::run(&args),
            Verb::Batch(args) => cmd::batch::run(&args),
            Verb::Explain(args) => cmd::explain::run(&args).await,
            Verb::Export(args) => cmd::export::run(&args),
            Verb::Serve(args) => cmd::serve::run(args).await,
            Verb::Status(args) => cmd::status::run(args).await,
            Verb::Lift(args) => cmd::lift::run(&args).await,
            Verb::PlanExperiment(args) => cmd::plan_experiment::run(&args),
            Verb::Forget(args) => cmd::forget::run(args).await,
            Verb::Recall(args) => cmd::recall::run(args).await,
            Verb::Ready(args) => cmd::ready::run(args).await,
        };
        result.unwrap_or_else(|error| {
            say(format_args!("attune: {error:#}"));
            ExitCode::from(UNREADABLE)
        })
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no instant: write it as 2026-12-01T00:00:00Z"))
}
