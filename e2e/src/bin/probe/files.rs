//! Files, for containers without a shell.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Copies a file to stdout.
pub(crate) fn print(path: &Path) -> Result<()> {
    let mut file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    std::io::copy(&mut file, &mut std::io::stdout()).with_context(|| format!("print {}", path.display()))?;
    Ok(())
}

/// Prints the names in a directory.
pub(crate) fn list(path: &Path) -> Result<()> {
    let entries = fs::read_dir(path).with_context(|| format!("list {}", path.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.context("read an entry")?.file_name());
    }
    names.sort();
    for name in names {
        println!("{}", name.to_string_lossy());
    }
    Ok(())
}

/// Writes until there is no space left, and prints how many bytes that were.
pub(crate) fn fill(path: &Path) -> Result<()> {
    let mut file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    let zeros = vec![0; 64 * 1024];
    let mut written = 0;
    loop {
        match file.write(&zeros) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::StorageFull => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).with_context(|| format!("fill {}", path.display())),
        }
    }
    println!("{written}");
    Ok(())
}
