//! `JsonLogic` that is right by construction: tests with constants folded, and chains of answers.

use serde_json::{Value as Json, json};

/// A test: a constant, or `JsonLogic` that is truthy where it holds and never fails.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Always,
    Never,
    When(Json),
}

impl Test {
    /// Whether all hold, tried in their order: one that would fail stands behind those that keep it from being tried.
    pub(super) fn all(tests: impl IntoIterator<Item = Self>) -> Self {
        let mut terms = Vec::new();
        for test in tests {
            match test {
                Self::Always => {}
                Self::Never => return Self::Never,
                Self::When(logic) => push(&mut terms, "and", logic),
            }
        }
        Self::joined("and", terms, Self::Always)
    }

    /// Whether any holds, tried in their order.
    pub(super) fn any(tests: impl IntoIterator<Item = Self>) -> Self {
        let mut terms = Vec::new();
        for test in tests {
            match test {
                Self::Never => {}
                Self::Always => return Self::Always,
                Self::When(logic) => push(&mut terms, "or", logic),
            }
        }
        Self::joined("or", terms, Self::Never)
    }

    fn joined(operator: &str, mut terms: Vec<Json>, of_none: Self) -> Self {
        match terms.len() {
            0 => of_none,
            1 => terms.pop().map_or(of_none, Self::When),
            _ => Self::When(json!({ operator: terms })),
        }
    }

    /// As an answer.
    pub(super) fn into_json(self) -> Json {
        match self {
            Self::Always => Json::Bool(true),
            Self::Never => Json::Bool(false),
            Self::When(logic) => logic,
        }
    }

    /// A test of this logic, which may be a constant.
    pub(super) fn of(logic: Json) -> Self {
        match logic {
            Json::Bool(true) => Self::Always,
            Json::Bool(false) => Self::Never,
            logic => Self::When(logic),
        }
    }

    /// The opposite.
    pub(super) fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::When(logic) => Self::When(json!({"!": [logic]})),
        }
    }
}

/// Adds a term; the same operator inside is taken apart.
fn push(terms: &mut Vec<Json>, operator: &str, logic: Json) {
    let inner = match logic {
        Json::Object(mut object) if object.contains_key(operator) => object.remove(operator),
        logic => {
            if !terms.contains(&logic) {
                terms.push(logic);
            }
            return;
        }
    };
    if let Some(Json::Array(inner)) = inner {
        for term in inner {
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
    }
}

/// The first answer whose test holds, else `otherwise`.
pub(super) fn chain(branches: impl IntoIterator<Item = (Test, Json)>, otherwise: Json) -> Json {
    let mut chosen: Vec<(Json, Json)> = Vec::new();
    let mut last = otherwise;
    for (test, answer) in branches {
        match test {
            Test::Never => {}
            Test::When(logic) => chosen.push((logic, answer)),
            Test::Always => {
                last = answer;
                break;
            }
        }
    }
    while chosen.last().is_some_and(|(_, answer)| *answer == last) {
        chosen.pop();
    }
    if chosen.is_empty() {
        return last;
    }
    let mut parts: Vec<Json> = chosen
        .into_iter()
        .flat_map(|(logic, answer)| [logic, answer])
        .collect();
    match last {
        Json::Object(mut inner) if inner.contains_key("if") => {
            if let Some(Json::Array(inner)) = inner.remove("if") {
                parts.extend(inner);
            }
        }
        last => parts.push(last),
    }
    json!({ "if": parts })
}

/// What stands at a path of the context.
pub(super) fn var(path: &str) -> Json {
    json!({ "var": path })
}

/// Whether a value is a string.
pub(super) fn is_string(value: &Json) -> Test {
    // The one operation that asks for the type of what it is given, in every evaluator, without failing.
    Test::When(json!({"starts_with": [value, ""]}))
}

pub(super) fn equals(value: &Json, to: impl Into<Json>) -> Test {
    Test::When(json!({"===": [value, to.into()]}))
}

pub(super) fn compare(operator: &str, value: &Json, with: impl Into<Json>) -> Test {
    Test::When(json!({ operator: [value, with.into()] }))
}

/// Whether a value is one of these, which are strings or numbers.
pub(super) fn one_of(value: &Json, of: impl Into<Json>) -> Test {
    Test::When(json!({"in": [value, of.into()]}))
}

/// Whether the value at a path is a number. `JsonLogic` cannot ask: what is neither a string nor a list and is spelled with a
/// digit or a sign is one.
pub(super) fn is_number(path: &str) -> Test {
    let spelled = json!({"substr": [{"cat": [var(path)]}, 0, 1]});
    Test::all([
        is_string(&var(path)).not(),
        one_of(
            &spelled,
            json!(["-", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]),
        ),
        is_no_list(path),
    ])
}

/// Whether the value at a path is this boolean. Some evaluators hold 1 and `true` to be equal; they are spelled differently.
pub(super) fn is_bool(path: &str, wanted: bool) -> Test {
    let spellings = if wanted {
        ["true", "True"]
    } else {
        ["false", "False"]
    };
    Test::all([
        equals(&var(path), wanted),
        one_of(&json!({"cat": [var(path)]}), json!(spellings)),
    ])
}

/// Whether the value at a path has no first entry, as a list that is spelled like a number would have.
fn is_no_list(path: &str) -> Test {
    equals(&var(&format!("{path}.0")), Json::Null)
}

/// Whether the value at a path is a list of strings alone.
pub(super) fn is_string_list(path: &str) -> Test {
    // Of nothing, some evaluators make an empty list.
    let is_empty = Test::all([
        equals(&var(path), Json::Null).not(),
        Test::When(json!({"!": [entries(path)]})),
    ]);
    Test::any([is_empty, is_filled_string_list(path)])
}

/// Whether the value at a path is a list of strings alone, and of one at least.
pub(super) fn is_filled_string_list(path: &str) -> Test {
    // Inside of `all`, some evaluators have no operations but JsonLogic's own.
    let is_string = json!({"===": [{"cat": [var("")]}, var("")]});
    Test::all([
        self::is_string(&var(path)).not(),
        Test::When(json!({"all": [entries(path), is_string]})),
    ])
}

/// The list at a path, and a list of one where there is something else: what searches it never fails.
pub(super) fn entries(path: &str) -> Json {
    json!({"merge": [var(path)]})
}
