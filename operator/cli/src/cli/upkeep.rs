//! Options of the verbs that keep a strategy up.

use std::path::PathBuf;

use attune_api::Day;
use clap::Args;
use jiff::Timestamp;

use super::{LintOutput, SourceArgs, instant};

/// Options of `attune decay`.
#[derive(Debug, Args)]
pub struct DecayArgs {
    /// File or directory of resources; `-` is standard input. Repeatable.
    #[arg(short = 'f', long = "file", value_name = "PATH", required = true, num_args = 1..)]
    pub paths: Vec<PathBuf>,

    /// The namespace of resources that name none [default: default].
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,

    /// When to look ahead to: a day, which is looked at when it is over, or an instant (RFC 3339).
    #[arg(long, value_name = "DATE", value_parser = day_or_instant)]
    pub at: Timestamp,

    /// How to write what is stale.
    #[arg(short = 'o', long, value_enum, default_value_t = LintOutput::Text)]
    pub output: LintOutput,
}

impl DecayArgs {
    /// The resources, judged at that time.
    pub fn source(&self) -> SourceArgs {
        SourceArgs {
            paths: self.paths.clone(),
            namespace: self.namespace.clone(),
            at: Some(self.at),
        }
    }
}

/// Options of `attune approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// File with the module; `-` reads standard input and writes what it should be to standard output.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub file: PathBuf,

    /// The module.
    #[arg(long, value_name = "NAME")]
    pub module: String,

    /// The variant.
    #[arg(long, value_name = "NAME")]
    pub variant: String,

    /// Who approves.
    #[arg(long, value_name = "WHO", value_parser = approver)]
    pub by: String,

    /// When (RFC 3339) [default: now].
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    pub at: Option<Timestamp>,

    /// The namespace of the module, where the file has several of one name.
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,
}

impl ApproveArgs {
    /// The namespace of resources that name none.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }

    /// When it is approved: to the second, as people write it.
    pub fn at(&self) -> Timestamp {
        let now = self.at.unwrap_or_else(Timestamp::now);
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}

fn day_or_instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Day>() {
        return Ok(day.end());
    }
    text.parse().map_err(|_| {
        format!("`{text}` is neither a day nor an instant: write 2027-03-31 or 2027-03-31T00:00:00Z")
    })
}

fn approver(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if (1..=256).contains(&length) {
        Ok(text.to_owned())
    } else {
        Err("give a name of 1 to 256 characters".to_owned())
    }
}
