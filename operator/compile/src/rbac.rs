//! Access control as written in files: the answers that a cluster would give about groups.
//!
//! Roles of namespaces and of the cluster, and their bindings, are read as the API server's RBAC authorizer reads them. What is granted by
//! other means, or by a role that is not among the files, cannot be seen here and is not known.

use std::collections::BTreeMap;

use attune_api::GROUP;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use serde_json::Value;

use crate::access::{Answer, Question};
use crate::policy::Selector;
use crate::snapshot::Labels;

#[cfg(test)]
mod tests;

/// The group that the API server refuses nothing, whatever roles say.
const MASTERS: &str = "system:masters";
/// The role that allows everything on every cluster.
const CLUSTER_ADMIN: &str = "cluster-admin";

/// An object of access control that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{kind} `{name}` cannot be read: {source}")]
pub struct RbacError {
    kind: String,
    name: String,
    source: serde_json::Error,
}

/// Roles and who has them.
#[derive(Debug, Default)]
pub struct Rbac {
    /// By namespace and name.
    roles: BTreeMap<(String, String), Vec<PolicyRule>>,
    cluster_roles: BTreeMap<String, ClusterRole>,
    /// With the namespace that they hold in; `None`: in all.
    bindings: Vec<(Option<String>, RoleRef, Vec<Subject>)>,
}

impl Rbac {
    /// Takes an object, where it is one of access control; gives whether it is. `namespace` is that of objects which
    /// name none.
    ///
    /// # Errors
    /// When it is one and cannot be read.
    pub fn insert(&mut self, object: &Value, namespace: &str) -> Result<bool, RbacError> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let group = text("/apiVersion").split('/').next().unwrap_or_default();
        if group != "rbac.authorization.k8s.io" {
            return Ok(false);
        }
        let (kind, name) = (text("/kind"), text("/metadata/name").to_owned());
        let own = match text("/metadata/namespace") {
            "" => namespace.to_owned(),
            own => own.to_owned(),
        };
        let unread = |source| RbacError {
            kind: kind.to_owned(),
            name: name.clone(),
            source,
        };
        let object = object.clone();
        match kind {
            "Role" => {
                let role: Role = serde_json::from_value(object).map_err(unread)?;
                self.roles.insert((own, name), role.rules.unwrap_or_default());
            }
            "ClusterRole" => {
                let role: ClusterRole = serde_json::from_value(object).map_err(unread)?;
                self.cluster_roles.insert(name, role);
            }
            "RoleBinding" => {
                let binding: RoleBinding = serde_json::from_value(object).map_err(unread)?;
                self.bindings
                    .push((Some(own), binding.role_ref, binding.subjects.unwrap_or_default()));
            }
            "ClusterRoleBinding" => {
                let binding: ClusterRoleBinding = serde_json::from_value(object).map_err(unread)?;
                self.bindings
                    .push((None, binding.role_ref, binding.subjects.unwrap_or_default()));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether a group may do something in a namespace.
    pub fn answer(&self, namespace: &str, question: &Question) -> Answer {
        if question.group == MASTERS {
            return Answer::Allowed;
        }
        let is_subject = |subjects: &[Subject]| {
            let mut groups = subjects.iter().filter(|subject| subject.kind == "Group");
            groups.any(|subject| subject.name == question.group)
        };
        let holding = self.bindings.iter().filter(|(within, _, subjects)| {
            within.as_deref().is_none_or(|within| within == namespace) && is_subject(subjects)
        });
        let mut answer = Answer::Denied;
        for (within, role, _) in holding {
            match self.rules(within.as_deref(), role) {
                Granted::Everything => return Answer::Allowed,
                Granted::Rules(rules) if rules.iter().any(|rule| allows(rule, question)) => {
                    return Answer::Allowed;
                }
                Granted::Rules(_) => {}
                Granted::Unknown => answer = Answer::Unknown,
            }
        }
        answer
    }

    fn rules(&self, namespace: Option<&str>, role: &RoleRef) -> Granted<'_> {
        if role.kind == "Role" {
            let place = namespace.map(|namespace| (namespace.to_owned(), role.name.clone()));
            let rules = place.and_then(|place| self.roles.get(&place));
            return rules.map_or(Granted::Unknown, |rules| Granted::Rules(rules.iter().collect()));
        }
        if role.name == CLUSTER_ADMIN {
            return Granted::Everything;
        }
        let Some(known) = self.cluster_roles.get(&role.name) else {
            return Granted::Unknown;
        };
        let mut rules: Vec<_> = known.rules.iter().flatten().collect();
        let selectors = known
            .aggregation_rule
            .iter()
            .filter_map(|rule| rule.cluster_role_selectors.as_ref());
        let selectors: Vec<_> = selectors
            .flatten()
            .filter_map(|selector| Selector::parse(selector).ok())
            .collect();
        for other in self.cluster_roles.values() {
            let labels: Labels = other.metadata.labels.clone().unwrap_or_default();
            if selectors.iter().any(|selector| selector.matches(&labels)) {
                rules.extend(other.rules.iter().flatten());
            }
        }
        Granted::Rules(rules)
    }
}

/// What a role grants.
enum Granted<'r> {
    Everything,
    Rules(Vec<&'r PolicyRule>),
    /// The role is not among the files.
    Unknown,
}

fn allows(rule: &PolicyRule, question: &Question) -> bool {
    let has = |list: &[String], wanted: &str| list.iter().any(|one| one == wanted || one == "*");
    let groups = rule.api_groups.as_deref().unwrap_or_default();
    let resources = rule.resources.as_deref().unwrap_or_default();
    let names = rule.resource_names.as_deref().unwrap_or_default();
    has(&rule.verbs, &question.verb)
        && has(groups, GROUP)
        && has(resources, &question.resource)
        && (names.is_empty() || question.name.as_ref().is_some_and(|name| names.contains(name)))
}
