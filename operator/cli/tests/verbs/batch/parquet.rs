//! Units and decisions as Parquet.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use serde_json::{Map, Value};

use super::people::people;
use super::{batch, folder, lines, nameless};

/// The rows of a file of decisions, each as an object; how many row groups it has.
pub(super) fn rows(path: &Path) -> (Vec<Value>, usize) {
    let reader = SerializedFileReader::new(File::open(path).expect("the file")).expect("Parquet");
    let groups = reader.num_row_groups();
    let rows = reader.get_row_iter(None).expect("rows").map(|row| {
        let row = row.expect("a row");
        let fields = row.get_column_iter().filter_map(|(name, field)| {
            let value = match field {
                Field::Null => return None,
                Field::Bool(value) => Value::Bool(*value),
                Field::Str(text) => Value::String(text.clone()),
                other => panic!("{other:?}"),
            };
            Some((name.clone(), value))
        });
        Value::Object(fields.collect::<Map<_, _>>())
    });
    (rows.collect(), groups)
}

#[test]
fn decisions_say_the_same_as_lines_with_a_column_for_every_slot() {
    let folder = folder().with("people.csv", people(3_000).0);
    for out in ["out.parquet", "out.ndjson"] {
        let run = batch(&folder, "people.csv", out, &["--mark-every", "700"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let (rows, groups) = rows(&folder.path("out.parquet"));
    assert_eq!(groups, 5, "one between two marks");
    let wanted = lines(&folder, "out.ndjson");
    assert_eq!(rows.len(), wanted.len());
    for (row, wanted) in rows.into_iter().zip(wanted) {
        let mut wanted = nameless(wanted);
        let fields = wanted.as_object_mut().expect("an object");
        let slots = fields.remove("value").unwrap_or_default();
        for (slot, value) in slots.as_object().into_iter().flatten() {
            fields.insert(format!("slot.{slot}"), value.clone());
        }
        assert_eq!(nameless(row), wanted);
    }
    assert!(!folder.path("out.parquet.parts").exists());
}

#[test]
fn units_are_read_with_numbers_and_objects_as_they_are() {
    let schema = "message units { required int64 targetingKey; optional group user { optional binary tier (UTF8); \
                  optional double spend90d; } required group consent (LIST) { repeated group list { required binary \
                  element (UTF8); } } }";
    let folder = folder();
    let file = File::create(folder.path("people.parquet")).expect("a file");
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let text = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| ByteArray::from(*text))
            .collect::<Vec<_>>()
    };
    let mut column = group.next_column().expect("written").expect("a column");
    column
        .typed::<Int64Type>()
        .write_batch(&[1, 2, 3], None, None)
        .expect("written");
    column.close().expect("closed");
    let mut column = group.next_column().expect("written").expect("a column");
    let tiers = column
        .typed::<ByteArrayType>()
        .write_batch(&text(&["gold", "none"]), Some(&[2, 2, 0]), None);
    tiers.expect("written");
    column.close().expect("closed");
    let mut column = group.next_column().expect("written").expect("a column");
    column
        .typed::<DoubleType>()
        .write_batch(&[300.0], Some(&[2, 1, 0]), None)
        .expect("written");
    column.close().expect("closed");
    let mut column = group.next_column().expect("written").expect("a column");
    let purposes = text(&["personalization"; 3]);
    column
        .typed::<ByteArrayType>()
        .write_batch(&purposes, Some(&[1, 1, 1]), Some(&[0, 0, 0]))
        .expect("written");
    column.close().expect("closed");
    group.close().expect("closed");
    writer.close().expect("closed");

    let same = "{\"targetingKey\": \"1\", \"user\": {\"tier\": \"gold\", \"spend90d\": 300}, \"consent\": [\"personalization\"]}\n\
                {\"targetingKey\": \"2\", \"user\": {\"tier\": \"none\"}, \"consent\": [\"personalization\"]}\n\
                {\"targetingKey\": \"3\", \"consent\": [\"personalization\"]}\n";
    let folder = folder.with("people.ndjson", same);
    for (units, out) in [("people.parquet", "a.ndjson"), ("people.ndjson", "b.ndjson")] {
        let run = batch(&folder, units, out, &[]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let decided = |name| lines(&folder, name).into_iter().map(nameless).collect::<Vec<_>>();
    assert_eq!(decided("a.ndjson"), decided("b.ndjson"));
    assert_eq!(decided("a.ndjson")[0]["audience"], "loyal-high-value");
}
