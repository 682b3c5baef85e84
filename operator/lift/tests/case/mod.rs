//! The reference file and its cases.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

/// One case: what goes in, what must come out and how close.
pub(crate) struct Case<'a> {
    pub(crate) id: &'a str,
    pub(crate) root: &'a Value,
    pub(crate) inputs: &'a Value,
    pub(crate) expected: &'a Value,
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
    pub(crate) compared: RefCell<BTreeSet<String>>,
}

impl Case<'_> {
    pub(crate) fn number(&self, key: &str) -> f64 {
        number(&self.inputs[key]).unwrap_or_else(|| panic!("{}: no number `{key}`", self.id))
    }

    pub(crate) fn count(&self, key: &str) -> u64 {
        self.inputs[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{}: no count `{key}`", self.id))
    }

    /// Compares one expected figure at the tolerance of the case.
    pub(crate) fn check(&self, key: &str, got: f64) {
        let want = number(&self.expected[key]).unwrap_or_else(|| panic!("{}: expects no `{key}`", self.id));
        self.close(key, got, want);
        self.compared.borrow_mut().insert(key.to_owned());
    }

    /// Compares a list of expected figures at the tolerance of the case.
    pub(crate) fn check_all(&self, key: &str, got: &[f64]) {
        let want: Vec<f64> = self.expected[key]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(number)
            .collect();
        assert_eq!(got.len(), want.len(), "{}: `{key}`", self.id);
        for (got, want) in got.iter().zip(want) {
            self.close(key, *got, want);
        }
        self.compared.borrow_mut().insert(key.to_owned());
    }

    /// Compares a list of expected decisions.
    pub(crate) fn check_flags(&self, key: &str, got: &[bool]) {
        let want: Vec<bool> = self.expected[key]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_bool)
            .collect();
        assert_eq!(got, want, "{}: `{key}`", self.id);
        self.compared.borrow_mut().insert(key.to_owned());
    }

    pub(crate) fn close(&self, what: &str, got: f64, want: f64) {
        let near = (got - want).abs() <= self.absolute + self.relative * want.abs();
        assert!(near, "{}: `{what}` is {got:e}, not {want:e}", self.id);
    }
}

/// A number of the file, in which infinities are words.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("inf") => Some(f64::INFINITY),
        Some("-inf") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => value.as_f64(),
    }
}

/// The whole file.
pub(crate) fn root() -> Value {
    serde_json::from_str(include_str!("../data/stats_reference.json")).unwrap()
}
