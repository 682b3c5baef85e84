//! The page of the command line.

use attune::Cli;
use clap::{Command, CommandFactory};

const INTRODUCTION: &str = "\
Help texts of `attune`, as `attune --help` and `attune <verb> --help` print them.

| exit code | meaning |
|---|---|
| 0 | done; `lint` found nothing or warnings only; `plan`: nothing changes |
| 1 | `lint` found errors; `decide` or `explain` has a failure for an answer; `lift` met a line that is no question; `plan-experiment` says that the units cannot conclude; `ready` waited in vain; `audit` flags a difference; `plan` cannot read a side or a context |
| 2 | the command is used wrongly, or what it is given cannot be read; `plan`: something changes |
";

/// The whole page.
pub(crate) fn page() -> String {
    let mut command = Cli::command();
    // Gives each verb its full name.
    command.build();
    let mut page = format!(
        "# The command line\n\n{INTRODUCTION}\n{}",
        help(&mut command, "attune")
    );
    for verb in command.get_subcommands_mut() {
        if verb.get_name() != "help" {
            let name = format!("attune {}", verb.get_name());
            page.push_str(&help(verb, &name));
        }
    }
    page
}

fn help(command: &mut Command, name: &str) -> String {
    let text = command.render_long_help().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("## {name}\n\n```text\n{}\n```\n\n", lines.join("\n").trim())
}
