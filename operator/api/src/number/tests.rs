use serde_json::json;

use super::*;

#[test]
fn takes_both_ends_of_its_range_and_nothing_beyond() {
    assert_eq!(BasisPoints::try_from(0).unwrap().get(), 0);
    assert_eq!(BasisPoints::try_from(10_000).unwrap(), BasisPoints::ALL);
    let error = BasisPoints::try_from(10_001).unwrap_err();
    assert_eq!(error.to_string(), "10001 is not between 0 and 10000");
    assert!(BasisPoints::try_from(-1).is_err());
}

#[test]
fn refuses_what_is_no_whole_number() {
    for value in [json!("1"), json!(1.5), json!(true), json!(null)] {
        assert!(
            serde_json::from_value::<BasisPoints>(value.clone()).is_err(),
            "{value}"
        );
    }
}

#[test]
fn says_its_range_in_the_schema() {
    let schema = Whole::<-5, 7>::json_schema(&mut SchemaGenerator::default()).to_value();
    assert_eq!(
        schema,
        json!({"type": "integer", "format": "int32", "minimum": -5, "maximum": 7})
    );
    let schema = Whole::<0, 10_000_000_000>::json_schema(&mut SchemaGenerator::default()).to_value();
    assert_eq!(schema["format"], "int64");
}
