//! Apache Parquet: a column a slot.
//!
//! A file is readable only once its end is written, so that a run writes whole files of its own beside the output, one
//! between two marks, and puts their row groups together at the end, as they are.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use attune_core::decide::Decision;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::{Csv, Facts, Mark, Sink, plain};
use crate::batch::part::{Part, beside};
use crate::batch::shape::Shape;

/// Rows of a row group: what is held in memory.
const GROUP: usize = 32_768;

/// The one column that is no text.
const HELD: &str = "held";

/// Writes decisions as Parquet.
pub(crate) struct Parquet {
    /// The whole, once there is one; until then it keeps others away.
    target: Part,
    folder: PathBuf,
    slots: Vec<String>,
    schema: TypePtr,
    /// Files that are whole.
    number: u64,
    open: Option<SerializedFileWriter<File>>,
    texts: Vec<Texts>,
    held: Vec<Option<bool>>,
    /// By the number that stands for it in a shape.
    middles: Vec<Middle>,
}

/// A column's values, and of each row whether it has one.
#[derive(Debug, Default)]
struct Texts {
    values: Vec<ByteArray>,
    levels: Vec<i16>,
}

/// What all decisions of a shape have, by column: all but the unit's and the decision's ids.
#[derive(Debug)]
struct Middle {
    texts: Vec<Option<ByteArray>>,
    held: Option<bool>,
}

impl Parquet {
    /// Into a file, of which so many pieces are written already.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn open(path: &Path, slots: Vec<String>, number: u64) -> anyhow::Result<Self> {
        let target = Part::open(path, 0)?;
        let folder = beside(path, ".parts");
        let told = || format!("cannot write `{}`", folder.display());
        std::fs::create_dir_all(&folder).with_context(told)?;
        for entry in std::fs::read_dir(&folder).with_context(told)? {
            let entry = entry.with_context(told)?;
            let known = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u64>().ok());
            if known.is_none_or(|known| known >= number) {
                std::fs::remove_file(entry.path()).with_context(told)?;
            }
        }
        let columns = Csv::with_slots(slots.clone()).columns();
        let schema = schema(&columns)?;
        let texts = columns
            .iter()
            .filter(|name| *name != HELD)
            .map(|_| Texts::default());
        Ok(Self {
            target,
            folder,
            schema,
            number,
            open: None,
            texts: texts.collect(),
            held: Vec::new(),
            middles: Vec::new(),
            slots,
        })
    }

    fn piece(&self, number: u64) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// Writes what is held in memory as a row group.
    fn flush(&mut self) -> anyhow::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let mut writer = if let Some(writer) = self.open.take() {
            writer
        } else {
            let path = self.piece(self.number);
            let file = File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
            SerializedFileWriter::new(file, Arc::clone(&self.schema), properties())?
        };
        let mut group = writer.next_row_group()?;
        let mut texts = self.texts.iter_mut();
        for field in self.schema.get_fields() {
            if field.name() == HELD {
                write_held(&mut group, &self.held)?;
            } else if let Some(texts) = texts.next() {
                texts.write(&mut group, field.is_optional())?;
            }
        }
        group.close()?;
        self.held.clear();
        self.open = Some(writer);
        Ok(())
    }
}

impl Texts {
    fn push(&mut self, value: Option<ByteArray>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    fn write(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, File>,
        optional: bool,
    ) -> anyhow::Result<()> {
        let mut column = group.next_column()?.context("the schema has fewer columns")?;
        let levels = optional.then_some(self.levels.as_slice());
        column
            .typed::<ByteArrayType>()
            .write_batch(&self.values, levels, None)?;
        column.close()?;
        self.values.clear();
        self.levels.clear();
        Ok(())
    }
}

fn write_held(group: &mut SerializedRowGroupWriter<'_, File>, held: &[Option<bool>]) -> anyhow::Result<()> {
    let mut column = group.next_column()?.context("the schema has fewer columns")?;
    let levels: Vec<i16> = held.iter().map(|held| i16::from(held.is_some())).collect();
    let values: Vec<bool> = held.iter().copied().flatten().collect();
    column
        .typed::<BoolType>()
        .write_batch(&values, Some(&levels), None)?;
    Ok(column.close()?)
}

impl Sink for Parquet {
    fn middle(&mut self, decision: &Decision<'_>) -> Vec<u8> {
        let facts = Facts::of(decision);
        let content = decision.content.map(|content| content.json.get());
        let content: serde_json::Value = content
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default();
        let owned = |name: Option<&str>| name.map(ByteArray::from);
        let before = [Some(decision.touchpoint), facts.variant].map(owned);
        let slots = self.slots.iter().map(|slot| content.get(slot).map(plain));
        let slots = slots.map(|text| text.map(|text| ByteArray::from(text.as_str())));
        let after = [
            Some(decision.reason.as_str()),
            facts.program,
            facts.binding,
            facts.audience,
            facts.experiment,
            facts.arm,
            facts.holdout,
            Some(decision.revision),
        ];
        let texts = before.into_iter().chain(slots).chain(after.map(owned)).collect();
        self.middles.push(Middle {
            texts,
            held: facts.held,
        });
        (self.middles.len() - 1).to_le_bytes().to_vec()
    }

    fn forget(&mut self) {
        self.middles.clear();
    }

    fn write(&mut self, unit: &str, shape: &Shape<'_>, id: &str) -> anyhow::Result<()> {
        let number = shape.middle.as_slice().try_into().map(usize::from_le_bytes);
        let middle = number.ok().and_then(|number| self.middles.get(number));
        let middle = middle.context("a decision's shape is lost")?;
        let (unit, id) = (ByteArray::from(unit), ByteArray::from(id));
        let row = [Some(unit)]
            .into_iter()
            .chain(middle.texts.iter().cloned())
            .chain([Some(id)]);
        for (texts, value) in self.texts.iter_mut().zip(row) {
            texts.push(value);
        }
        self.held.push(middle.held);
        if self.held.len() >= GROUP {
            self.flush()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> anyhow::Result<Mark> {
        self.flush()?;
        if let Some(writer) = self.open.take() {
            let file = writer.into_inner()?;
            file.sync_all().context("cannot write a piece of the output")?;
            self.number += 1;
        }
        Ok(Some(self.number))
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        self.commit()?;
        let pieces: Vec<_> = (0..self.number).map(|number| self.piece(number)).collect();
        let mut writer = SerializedFileWriter::new(&mut self.target, Arc::clone(&self.schema), properties())?;
        for piece in &pieces {
            append(&mut writer, piece).with_context(|| format!("cannot read `{}`", piece.display()))?;
        }
        writer.close()?;
        let Self { target, folder, .. } = *self;
        target.finish()?;
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove `{}`", folder.display()))
    }
}

/// Copies the row groups of a file as they are.
fn append(writer: &mut SerializedFileWriter<&mut Part>, piece: &Path) -> anyhow::Result<()> {
    let file = File::open(piece)?;
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Skip)
        .parse_and_finish(&file)?;
    for group in metadata.row_groups() {
        let mut to = writer.next_row_group()?;
        for column in group.columns() {
            let rows = u64::try_from(group.num_rows())?;
            let bytes = u64::try_from(column.compressed_size())?;
            let column = ColumnCloseResult {
                bytes_written: bytes,
                rows_written: rows,
                metadata: column.clone(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            to.append_column(&file, column)?;
        }
        to.close()?;
    }
    Ok(())
}

fn properties() -> Arc<WriterProperties> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("attune ", env!("CARGO_PKG_VERSION")).to_owned());
    Arc::new(properties.build())
}

/// What is always there is required.
fn schema(columns: &[String]) -> anyhow::Result<TypePtr> {
    let required = ["unit", "touchpoint", "reason", "revision", "decision"];
    let mut fields = Vec::new();
    for name in columns {
        let is_held = name == HELD;
        let physical = if is_held {
            Physical::BOOLEAN
        } else {
            Physical::BYTE_ARRAY
        };
        let repetition = if required.contains(&name.as_str()) {
            Repetition::REQUIRED
        } else {
            Repetition::OPTIONAL
        };
        let field = Type::primitive_type_builder(name, physical)
            .with_repetition(repetition)
            .with_logical_type((!is_held).then_some(LogicalType::String))
            .build()?;
        fields.push(Arc::new(field));
    }
    let root = Type::group_type_builder("decisions")
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(root))
}
