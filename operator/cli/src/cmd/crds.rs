//! `attune crds`.

use std::process::ExitCode;

use anyhow::Context;
use attune_api::{Kind, crd_yaml};

use crate::cli::CrdsArgs;
use crate::terminal::{print, say};

/// Prints the definitions, or writes them one file a kind.
pub(crate) fn run(args: &CrdsArgs) -> anyhow::Result<ExitCode> {
    let Some(directory) = &args.dir else {
        let documents: String = Kind::ALL
            .into_iter()
            .flat_map(|kind| ["---\n".to_owned(), crd_yaml(kind)])
            .collect();
        print(&documents)?;
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for kind in Kind::ALL {
        let path = directory.join(format!("{}_{}.yaml", attune_api::GROUP, kind.plural()));
        std::fs::write(&path, crd_yaml(kind)).with_context(|| format!("cannot write {}", path.display()))?;
        say(format_args!("wrote {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}
