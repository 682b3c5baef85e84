//! What the `DataContract`s of a namespace declare, as one schema.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_api::data_contract::{self, Sensitivity};
use attune_core::bundle;
use attune_core::expr::{self, Schema};
use attune_core::value::AttributeType;

use crate::report::Report;
use crate::snapshot::Snapshot;

#[cfg(test)]
mod tests;

/// Every attribute that rules of the namespace may read.
#[derive(Debug, Default)]
pub struct Attributes {
    /// By name.
    pub by_name: BTreeMap<String, Declared>,
    /// What expressions are checked against.
    pub schema: Schema,
}

/// One attribute and the contract that declares it.
#[derive(Debug)]
pub struct Declared {
    /// The contract's name.
    pub contract: String,
    /// As bundles carry it.
    pub attribute: bundle::Attribute,
}

/// Collects the attributes of all contracts. Where two contracts disagree, the first by name holds and the later one is
/// told so.
pub fn gather(snapshot: &Snapshot, report: &mut Report) -> Attributes {
    let mut attributes = Attributes::default();
    for (contract, object) in &snapshot.contracts {
        for (index, attribute) in object.spec.attributes.iter().enumerate() {
            let declared = Declared {
                contract: contract.clone(),
                attribute: lower(attribute),
            };
            let name = attribute.name.as_str();
            if let Some(conflict) = conflict(&attributes.by_name, name, &declared) {
                let field = format!("spec.attributes[{index}].{}", conflict.field);
                report.error(
                    &snapshot.id(Kind::DataContract, contract),
                    Reason::ContractConflict,
                    field,
                    conflict.message,
                );
                continue;
            }
            attributes.schema.declare(expr::Attribute {
                name: name.to_owned(),
                ty: declared.attribute.ty,
                values: declared.attribute.values.clone(),
            });
            attributes.by_name.entry(name.to_owned()).or_insert(declared);
        }
    }
    attributes
}

struct Conflict {
    field: &'static str,
    message: String,
}

/// What `declared` says otherwise than a contract before it.
fn conflict(known: &BTreeMap<String, Declared>, name: &str, declared: &Declared) -> Option<Conflict> {
    if let Some(first) = known.get(name) {
        let (ours, theirs) = (&declared.attribute, &first.attribute);
        let field = [
            ("type", ours.ty != theirs.ty),
            ("values", ours.values != theirs.values),
            ("purpose", ours.purpose != theirs.purpose),
            ("sensitivity", ours.sensitive != theirs.sensitive),
        ]
        .into_iter()
        .find_map(|(field, differs)| differs.then_some(field))?;
        let message = format!(
            "`{name}` has another {field} in contract `{}`: describe an attribute in one contract",
            first.contract
        );
        return Some(Conflict { field, message });
    }
    let nested = known
        .iter()
        .find(|(other, _)| is_parent(other, name) || is_parent(name, other))?;
    let message = format!(
        "`{name}` and `{}` of contract `{}` cannot both hold a value: give the shorter one a name of its own",
        nested.0, nested.1.contract
    );
    Some(Conflict {
        field: "name",
        message,
    })
}

fn is_parent(parent: &str, name: &str) -> bool {
    name.strip_prefix(parent)
        .is_some_and(|rest| rest.starts_with('.'))
}

fn lower(attribute: &data_contract::Attribute) -> bundle::Attribute {
    bundle::Attribute {
        ty: match attribute.type_ {
            data_contract::AttributeType::String => AttributeType::String,
            data_contract::AttributeType::Int => AttributeType::Int,
            data_contract::AttributeType::Double => AttributeType::Double,
            data_contract::AttributeType::Bool => AttributeType::Bool,
            data_contract::AttributeType::Timestamp => AttributeType::Timestamp,
            data_contract::AttributeType::StringList => AttributeType::StringList,
        },
        values: attribute.values.clone(),
        purpose: attribute.purpose.as_str().to_owned(),
        sensitive: attribute.sensitivity == Sensitivity::Sensitive,
    }
}
