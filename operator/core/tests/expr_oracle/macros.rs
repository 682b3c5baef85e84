//! Random macros: ranges from one level of expressions, bodies from the level below with one variable more.

use proptest::prelude::*;
use proptest::strategy::Union;

use crate::sources::{Level, Scope, Source, level, map2};

/// Macros over the lists of one level, their bodies with one more variable.
pub(crate) struct Macros {
    strings: Source,
    ints: Source,
    string_variable: String,
    int_variable: String,
    over_strings: Level,
    over_ints: Level,
}

impl Macros {
    pub(crate) fn new(depth: u32, scope: &Scope, below: &Level) -> Self {
        let (string_variable, int_variable) = (format!("s{depth}"), format!("i{depth}"));
        let (mut strings, mut ints) = (scope.clone(), scope.clone());
        strings.strings.push(string_variable.clone());
        ints.ints.push(int_variable.clone());
        Self {
            strings: below.strings.clone(),
            ints: below.ints.clone(),
            string_variable,
            int_variable,
            over_strings: level(depth - 1, &strings),
            over_ints: level(depth - 1, &ints),
        }
    }

    fn over(range: &Source, name: &'static str, variable: &str, body: &Source) -> Source {
        let variable = variable.to_owned();
        map2(range, body, move |range, body| {
            format!("{range}.{name}({variable}, {body})")
        })
    }

    pub(crate) fn bool(&self, below: &Level) -> Source {
        let quantifiers = ["exists", "all", "exists_one", "existsOne"];
        let strings = quantifiers.map(|name| {
            Self::over(
                &below.strings,
                name,
                &self.string_variable,
                &self.over_strings.bool,
            )
        });
        let ints =
            quantifiers.map(|name| Self::over(&below.ints, name, &self.int_variable, &self.over_ints.bool));
        Union::new(strings.into_iter().chain(ints)).boxed()
    }

    pub(crate) fn strings(&self) -> Source {
        Union::new([
            Self::over(
                &self.strings,
                "filter",
                &self.string_variable,
                &self.over_strings.bool,
            ),
            Self::over(
                &self.strings,
                "map",
                &self.string_variable,
                &self.over_strings.string,
            ),
            Self::over(&self.ints, "map", &self.int_variable, &self.over_ints.string),
        ])
        .boxed()
    }

    pub(crate) fn ints(&self) -> Source {
        let variable = self.int_variable.clone();
        let where_ = (
            self.ints.clone(),
            self.over_ints.bool.clone(),
            self.over_ints.int.clone(),
        )
            .prop_map(move |(range, condition, body)| {
                format!("{range}.map({variable}, {condition}, {body})")
            });
        Union::new([
            Self::over(&self.ints, "filter", &self.int_variable, &self.over_ints.bool),
            Self::over(
                &self.strings,
                "map",
                &self.string_variable,
                &self.over_strings.int,
            ),
            where_.boxed(),
        ])
        .boxed()
    }
}
