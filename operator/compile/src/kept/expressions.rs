//! Expressions, by their source.

use std::sync::{Arc, OnceLock};

use attune_core::bundle::{Rule, content_hash};
use attune_core::expr::{self, Expect, ExprError, Expression, Schema};

use super::Answers;
use crate::attributes::Attributes;
use crate::overlap::Form;

/// Hex digits of an expression's hash.
const HASH_DIGITS: usize = 12;

/// What is known of sources under one schema.
#[derive(Debug, Default)]
pub(crate) struct Expressions {
    schema: Schema,
    conditions: Answers<Arc<Checked>>,
    numbers: Answers<Arc<Checked>>,
}

/// One source as checked, and what was asked of it since.
#[derive(Debug)]
struct Checked {
    outcome: Result<Expression, Vec<ExprError>>,
    form: OnceLock<Arc<Form>>,
    hash: OnceLock<Option<Arc<str>>>,
}

impl Expressions {
    /// Parses, checks and lowers a source.
    pub(crate) fn check(
        &mut self,
        source: &str,
        schema: &Schema,
        expect: Expect,
    ) -> Result<Expression, Vec<ExprError>> {
        if self.schema != *schema {
            self.schema = schema.clone();
            self.conditions.clear();
            self.numbers.clear();
        }
        let known = match expect {
            Expect::Bool => &mut self.conditions,
            Expect::Number => &mut self.numbers,
        };
        let make = || {
            Arc::new(Checked {
                outcome: expr::compile(source, schema, expect),
                form: OnceLock::new(),
                hash: OnceLock::new(),
            })
        };
        known.get(source, |_| true, make).outcome.clone()
    }

    /// The normal form of a condition. The types of its attributes are the schema's.
    pub(crate) fn form(&self, rule: &Rule, attributes: &Attributes) -> Arc<Form> {
        let make = || Arc::new(Form::of_expression(&rule.expression, attributes));
        match self.known(rule) {
            Some(known) => Arc::clone(known.form.get_or_init(make)),
            None => make(),
        }
    }

    /// The hash of a condition in its lowered form.
    pub(crate) fn hash(&self, rule: &Rule) -> Option<Arc<str>> {
        let make = || {
            let bytes = serde_json::to_vec(&rule.expression).ok()?;
            Some(content_hash(&bytes, HASH_DIGITS).into())
        };
        match self.known(rule) {
            Some(known) => known.hash.get_or_init(make).clone(),
            None => make(),
        }
    }

    fn known(&self, rule: &Rule) -> Option<&Checked> {
        let known = self.conditions.now.get(&rule.source)?;
        let is_same = known
            .outcome
            .as_ref()
            .is_ok_and(|known| *known == rule.expression);
        is_same.then_some(known.as_ref())
    }

    pub(super) fn turn(&mut self) {
        self.conditions.turn();
        self.numbers.turn();
    }
}
