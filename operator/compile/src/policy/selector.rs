//! Label selectors, as Kubernetes reads them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::snapshot::Labels;

/// A selector that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// An operator that selectors do not have.
    #[error("`{operator}` is no operator of a selector: use `In`, `NotIn`, `Exists` or `DoesNotExist`")]
    Operator {
        /// Position of the expression in `matchExpressions`.
        index: usize,
        /// What stands there.
        operator: String,
    },
    /// An operator without the values that it needs, or with values that it does not take.
    #[error("`{operator}` takes {expected}")]
    Values {
        /// Position of the expression in `matchExpressions`.
        index: usize,
        /// The operator.
        operator: &'static str,
        /// What it takes.
        expected: &'static str,
    },
}

impl SelectorError {
    /// The field at fault, below the selector.
    pub fn field(&self) -> String {
        match self {
            Self::Operator { index, .. } => format!("matchExpressions[{index}].operator"),
            Self::Values { index, .. } => format!("matchExpressions[{index}].values"),
        }
    }
}

/// A selector that was read: all its requirements must hold.
#[derive(Debug)]
pub struct Selector<'s> {
    requirements: Vec<Requirement<'s>>,
}

#[derive(Debug)]
enum Requirement<'s> {
    Equals(&'s str, &'s str),
    In(&'s str, &'s [String]),
    NotIn(&'s str, &'s [String]),
    Exists(&'s str),
    DoesNotExist(&'s str),
}

impl<'s> Selector<'s> {
    /// Reads a selector.
    ///
    /// # Errors
    /// When an expression has an operator that selectors do not have, or not the values that its operator takes.
    pub fn parse(selector: &'s LabelSelector) -> Result<Self, SelectorError> {
        let labels = selector.match_labels.iter().flatten();
        let mut requirements: Vec<_> = labels
            .map(|(key, value)| Requirement::Equals(key, value))
            .collect();
        for (index, one) in selector.match_expressions.iter().flatten().enumerate() {
            let key = one.key.as_str();
            let values = one.values.as_deref().unwrap_or_default();
            let some = |operator| {
                let expected = "at least one value";
                (!values.is_empty())
                    .then_some(values)
                    .ok_or(SelectorError::Values {
                        index,
                        operator,
                        expected,
                    })
            };
            let none = |operator| {
                let expected = "no values";
                values.is_empty().then_some(key).ok_or(SelectorError::Values {
                    index,
                    operator,
                    expected,
                })
            };
            requirements.push(match one.operator.as_str() {
                "In" => Requirement::In(key, some("In")?),
                "NotIn" => Requirement::NotIn(key, some("NotIn")?),
                "Exists" => Requirement::Exists(none("Exists")?),
                "DoesNotExist" => Requirement::DoesNotExist(none("DoesNotExist")?),
                other => {
                    let operator = other.chars().take(64).collect();
                    return Err(SelectorError::Operator { index, operator });
                }
            });
        }
        Ok(Self { requirements })
    }

    /// Whether labels meet all requirements; an empty selector is met by any.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::Equals(key, value) => labels.get(*key).is_some_and(|known| known == value),
            Requirement::In(key, values) => labels.get(*key).is_some_and(|known| values.contains(known)),
            // As Kubernetes has it: a label that is not there is not among the values.
            Requirement::NotIn(key, values) => labels.get(*key).is_none_or(|known| !values.contains(known)),
            Requirement::Exists(key) => labels.contains_key(*key),
            Requirement::DoesNotExist(key) => !labels.contains_key(*key),
        })
    }
}
