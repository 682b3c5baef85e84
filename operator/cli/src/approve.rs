//! Writes an approval beside the words that it is for, and changes nothing else of the text.

use std::path::PathBuf;
use std::sync::Arc;

use attune_api::content_module::Variant;
use attune_api::{ContentModule, Instant, Kind, Resource};
use attune_compile::checks::content::{ContentHashError, content_hash};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::cli::ApproveArgs;
use crate::manifest::{self, Document, LoadError, Loaded, Mapping, Node, Position, Source, Value};

#[cfg(test)]
mod tests;

/// Why nothing was approved.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// The file cannot be opened.
    #[error("nothing is approved")]
    Read(#[from] LoadError),
    /// The file is not YAML.
    #[error("`{file}` is not to be approved before it can be read: run `attune lint`")]
    Parse {
        /// The file.
        file: String,
    },
    /// No such module, or it stands there twice.
    #[error("`{file}` has {count} content modules `{module}`: name a file with one, and its namespace")]
    FindModule {
        /// The file.
        file: String,
        /// The module.
        module: String,
        /// How many there are.
        count: usize,
    },
    /// The module is not one.
    #[error("content module `{module}` cannot be read: run `attune lint`")]
    Decode {
        /// The module.
        module: String,
    },
    /// No such variant.
    #[error("content module `{module}` has no variant `{variant}`: its variants are {known}")]
    FindVariant {
        /// The module.
        module: String,
        /// The variant.
        variant: String,
        /// Those that there are.
        known: String,
    },
    /// The words cannot be hashed.
    #[error("nothing is approved")]
    Hash(#[from] ContentHashError),
    /// The text is written in a way that an approval cannot be put into without changing something else.
    #[error(
        "variant `{variant}` is written in a way that is not edited safely (an alias, or a comment in its approval): write \
         `approval: {approval}` there by hand"
    )]
    Edit {
        /// The variant.
        variant: String,
        /// What should stand there.
        approval: String,
    },
}

/// A file with an approval.
#[derive(Debug)]
pub struct Approved {
    /// Where it belongs; `None` for standard input.
    pub path: Option<PathBuf>,
    /// The whole text.
    pub text: String,
    /// What was approved.
    pub hash: String,
}

/// Approves a variant as it stands in a file now.
///
/// # Errors
/// When the file, the module or the variant is not there, or the text cannot be edited without changing something else.
pub fn approve(args: &ApproveArgs) -> Result<Approved, ApproveError> {
    let loaded = manifest::load(std::slice::from_ref(&args.file), args.namespace())?;
    let (text, hash) = approved(&loaded, args, args.at())?;
    let is_stdin = args.file.as_os_str() == "-";
    Ok(Approved {
        path: (!is_stdin).then(|| args.file.clone()),
        text,
        hash,
    })
}

fn approved(loaded: &Loaded, args: &ApproveArgs, at: Timestamp) -> Result<(String, String), ApproveError> {
    let file = args.file.display().to_string();
    if !loaded.diagnostics.is_empty() {
        return Err(ApproveError::Parse { file });
    }
    let document = find(loaded, args, file)?;
    let source = document.source.as_ref();
    let module = decode(document, args)?;
    let (index, variant) = position(&module, args)?;
    let hash = content_hash(&module, variant)?;
    let approval = json!({"by": args.by, "at": Instant::from(at), "contentHash": hash});
    let edited = edit(source, document, index, &approval);
    // What cannot be proven to have changed the approval alone is not written.
    let edited = edited.filter(|text| changes_alone(source, text, document, (index, &approval), args));
    edited.map(|text| (text, hash)).ok_or_else(|| ApproveError::Edit {
        variant: args.variant.clone(),
        approval: flow(&approval),
    })
}

fn find<'l>(loaded: &'l Loaded, args: &ApproveArgs, file: String) -> Result<&'l Document, ApproveError> {
    let is_named = |document: &&Document| {
        let is_here = args
            .namespace
            .as_ref()
            .is_none_or(|namespace| document.id.namespace == *namespace);
        document.id.kind == Kind::ContentModule && document.id.name == args.module && is_here
    };
    let named: Vec<_> = loaded.documents.iter().filter(is_named).collect();
    match named.as_slice() {
        [one] => Ok(one),
        several => Err(ApproveError::FindModule {
            file,
            module: args.module.clone(),
            count: several.len(),
        }),
    }
}

fn decode(document: &Document, args: &ApproveArgs) -> Result<ContentModule, ApproveError> {
    match Resource::decode(document.to_json()) {
        Ok(Resource::ContentModule(module)) => Ok(*module),
        _ => Err(ApproveError::Decode {
            module: args.module.clone(),
        }),
    }
}

fn position<'m>(module: &'m ContentModule, args: &ApproveArgs) -> Result<(usize, &'m Variant), ApproveError> {
    let mut variants = module.spec.variants.iter().enumerate();
    variants
        .find(|(_, variant)| variant.name.as_str() == args.variant)
        .ok_or_else(|| {
            let known = module
                .spec
                .variants
                .iter()
                .map(|variant| format!("`{}`", variant.name));
            ApproveError::FindVariant {
                module: args.module.clone(),
                variant: args.variant.clone(),
                known: known.collect::<Vec<_>>().join(", "),
            }
        })
}

/// The text with an approval of a variant: in place of the one that it has, else behind its name.
fn edit(source: &Source, document: &Document, index: usize, approval: &Json) -> Option<String> {
    let variants = document.root.get("spec")?.get("variants")?;
    let variant = variants.sequence()?.get(index)?;
    let mapping = variant.mapping()?;
    if let Some(entry) = mapping.get("approval") {
        let text = format!(": {}", flow(approval));
        return splice(source, entry.key_span.end, closing(source, &entry.node), &text);
    }
    let name = mapping.get("name")?;
    if mapping.flow {
        let text = format!(", approval: {}", flow(approval));
        let place = end(&name.node);
        return splice(source, place, place, &text);
    }
    insert_line(source, mapping, approval)
}

/// A line of its own behind the name, with the indentation of the variant's other keys.
fn insert_line(source: &Source, mapping: &Mapping, approval: &Json) -> Option<String> {
    let name = mapping.get("name")?;
    let indentation = " ".repeat(name.key_span.start.column.checked_sub(1)?);
    let after = Position {
        line: end(&name.node).line.checked_add(1)?,
        column: 1,
    };
    let line = format!("{indentation}approval: {}\n", flow(approval));
    let is_last = source.line(after.line).is_none() && !source.text().ends_with('\n');
    let line = if is_last { format!("\n{line}") } else { line };
    splice(source, after, after, &line)
}

fn splice(source: &Source, from: Position, to: Position, with: &str) -> Option<String> {
    let text = source.text();
    let (head, tail) = (text.get(..source.offset(from))?, text.get(source.offset(to)..)?);
    Some(format!("{head}{with}{tail}"))
}

/// The place behind the last character of a node: a block ends with its last value.
fn end(node: &Arc<Node>) -> Position {
    match &node.value {
        Value::Mapping(mapping) if !mapping.flow => mapping
            .entries
            .last()
            .map_or(node.span.end, |entry| end(&entry.node)),
        _ => node.span.end,
    }
}

/// The place behind a node's own last character: a map in braces ends with its brace, and not with the comment behind it.
fn closing(source: &Source, node: &Arc<Node>) -> Position {
    let last = match &node.value {
        Value::Mapping(mapping) if mapping.flow => mapping.entries.last(),
        _ => None,
    };
    let brace = last.and_then(|entry| {
        let after = source.offset(end(&entry.node));
        let length = source.text().get(after..)?.find('}')?;
        Some(source.position(after + length + 1))
    });
    brace.unwrap_or_else(|| end(node))
}

/// A map on one line, in the order of the definition. JSON is YAML, and in quotes nothing is read as anything but text.
fn flow(approval: &Json) -> String {
    let fields = ["by", "at", "contentHash"].into_iter();
    let fields: Vec<_> = fields
        .filter_map(|key| Some(format!("{key}: {}", approval.get(key)?)))
        .collect();
    format!("{{{}}}", fields.join(", "))
}

/// Whether the new text says what the old one did, but for the approval.
fn changes_alone(
    source: &Source,
    text: &str,
    document: &Document,
    (index, approval): (usize, &Json),
    args: &ApproveArgs,
) -> bool {
    let namespace = args.namespace();
    let before = manifest::load_text(Source::new(source.name(), source.text()), namespace);
    let after = manifest::load_text(Source::new(source.name(), text), namespace);
    let expected = before.documents.iter().map(|one| {
        let mut object = one.to_json();
        if one.id == document.id
            && let Some(variant) = object.pointer_mut(&format!("/spec/variants/{index}"))
        {
            variant["approval"] = approval.clone();
        }
        object
    });
    let others = |loaded: &Loaded| -> Vec<_> { loaded.others.iter().map(|node| node.to_json()).collect() };
    after.diagnostics.is_empty()
        && after.documents.iter().map(Document::to_json).eq(expected)
        && others(&before) == others(&after)
}
