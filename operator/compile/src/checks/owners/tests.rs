use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::{AT, Strategy};
use serde_json::json;

use crate::access::{Answer, needed};
use crate::codeowners::Owned;
use crate::tests::{compile, finding, findings, ruled, snapshot, stands, told};
use crate::{Compiled, Previous, Snapshot};

const PROGRAM: &str = "spring-retention";

fn owners(compiled: &Compiled) -> String {
    stands(compiled, Kind::Program, PROGRAM, ConditionType::OwnersResolved)
}

fn compiled(snapshot: &Snapshot) -> Compiled {
    crate::compile(snapshot, &Previous::new(), AT)
}

/// The example with every question about access answered alike.
fn answered(strategy: &Strategy, answer: Answer) -> Snapshot {
    let mut snapshot = snapshot(strategy);
    snapshot.access = needed(&snapshot)
        .into_iter()
        .map(|question| (question, answer))
        .collect();
    snapshot
}

#[test]
fn names_the_role_whose_owner_is_no_team_and_a_team_that_is_near() {
    let strategy = Strategy::example().edit(
        Kind::Program,
        PROGRAM,
        json!({"owners": {"content": {"group": "content-studios"}}}),
    );
    assert_eq!(
        finding(&strategy),
        "error Program spring-retention spec.owners.content.group UnknownGroup: `content-studios` is no team of the policy: \
         name one of `analytics`, `content-studio`, `crm`, `data-platform`, `web-team`, or add it to the policy's teams \
         (policy `default`) (did you mean `content-studio`?)"
    );
    assert_eq!(owners(&compile(&strategy)), "False/UnknownGroup");
}

#[test]
fn looks_at_the_owner_of_every_object() {
    let strategy =
        Strategy::example().edit(Kind::Metric, "unsubscribe", json!({"owner": {"group": "nobody"}}));
    let told = findings(&strategy);
    assert!(
        told[0].starts_with("error Metric unsubscribe spec.owner.group UnknownGroup: "),
        "{told:#?}"
    );
    assert_eq!(told.len(), 1);
    let accepted = stands(
        &compile(&strategy),
        Kind::Metric,
        "unsubscribe",
        ConditionType::Accepted,
    );
    assert_eq!(accepted, "False/UnknownGroup");
}

#[test]
fn a_policy_without_teams_leaves_owners_open() {
    let strategy = Strategy::example().edit(
        Kind::GovernancePolicy,
        "default",
        json!({
            "teams": null, "rules": {"capacity": null, "ownerAccess": null},
        }),
    );
    let strategy = strategy.edit(Kind::Metric, "unsubscribe", json!({"owner": {"group": "nobody"}}));
    assert_eq!(findings(&strategy), [""; 0]);
    assert_eq!(owners(&compile(&strategy)), "True/OwnersResolved");
}

#[test]
fn asks_about_each_kind_that_a_role_answers_for_and_each_object_that_has_an_owner() {
    let prefixed =
        Strategy::example().edit(Kind::GovernancePolicy, "default", json!({"groupPrefix": "oidc:"}));
    let asked = needed(&snapshot(&prefixed));
    let lines: Vec<_> = asked
        .iter()
        .filter(|question| question.name.is_none())
        .map(|question| format!("{} {} {}", question.group, question.verb, question.resource))
        .collect();
    assert_eq!(
        lines,
        [
            "oidc:analytics update experiments",
            "oidc:analytics update holdouts",
            "oidc:analytics update metrics",
            "oidc:content-studio update contentmodules",
            "oidc:crm update audiences",
            "oidc:crm update channelbindings",
            "oidc:data-platform update datacontracts",
        ]
    );
    assert!(
        asked
            .iter()
            .any(|one| one.name.as_deref() == Some("web") && one.group == "oidc:web-team")
    );
    let ignored = ruled(json!({"ownerAccess": {"enforcement": "Ignore"}}));
    assert!(
        needed(&snapshot(&ignored)).is_empty(),
        "who is not judged is not asked about"
    );
    let codeowners = ruled(json!({"ownerAccess": {"enforcement": "Warn", "via": "Codeowners"}}));
    assert!(needed(&snapshot(&codeowners)).is_empty());
}

#[test]
fn says_nothing_before_somebody_has_asked() {
    let compiled = compile(&Strategy::example());
    assert!(crate::tests::others(&compiled).is_empty());
    assert_eq!(owners(&compiled), "Unknown/AccessUnknown");
}

#[test]
fn what_nobody_could_tell_holds_back_only_where_a_policy_enforces_it_and_somebody_is_asked() {
    let enforced = ruled(json!({"ownerAccess": {"enforcement": "Enforce"}}));
    for (strategy, asks_access, published) in [
        (&enforced, true, 0),
        (&enforced, false, 2),
        (&Strategy::example(), true, 2),
    ] {
        for mut snapshot in [snapshot(strategy), answered(strategy, Answer::Unknown)] {
            snapshot.asks_access = asks_access;
            let compiled = compiled(&snapshot);
            assert_eq!(compiled.channels.len(), published);
            assert!(
                crate::tests::others(&compiled).is_empty(),
                "nothing is wrong with it"
            );
            assert_eq!(owners(&compiled), "Unknown/AccessUnknown");
        }
    }
}

#[test]
fn owners_that_may_are_resolved_and_one_that_lost_access_is_named_with_the_role() {
    let mut snapshot = answered(&Strategy::example(), Answer::Allowed);
    assert_eq!(owners(&compiled(&snapshot)), "True/OwnersResolved");
    for (question, answer) in &mut snapshot.access {
        if question.resource == "audiences" && question.name.is_none() {
            *answer = Answer::Denied;
        }
    }
    let lost = compiled(&snapshot);
    let lines: Vec<_> = crate::tests::others(&lost).into_iter().map(told).collect();
    assert_eq!(
        lines,
        [
            "warning Program spring-retention spec.owners.audiences.group AccessMissing: group `crm` answers for `audiences` and \
             may not update audiences: bind a role that allows it in namespace `shop`, or name the group that may (policy \
             `default`)"
        ]
    );
    assert_eq!(owners(&lost), "False/AccessMissing");
}

#[test]
fn an_owner_that_may_not_change_its_object_is_told_there() {
    let mut snapshot = answered(&Strategy::example(), Answer::Allowed);
    for (question, answer) in &mut snapshot.access {
        if question.name.as_deref() == Some("hero") {
            *answer = Answer::Denied;
        }
    }
    let lines: Vec<_> = crate::tests::others(&compiled(&snapshot))
        .into_iter()
        .map(told)
        .collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let start = "warning ContentModule hero spec.owner.group AccessMissing: group `content-studio` owns the ContentModule and \
                 may not update it: bind a role that allows to update contentmodules `hero`";
    assert!(lines[0].starts_with(start), "{lines:#?}");
}

fn by_repository() -> Strategy {
    ruled(json!({"ownerAccess": {"enforcement": "Enforce", "via": "Codeowners"}}))
}

#[test]
fn a_cluster_leaves_to_the_repository_what_is_managed_by_git() {
    let compiled = compile(&by_repository());
    assert!(crate::tests::others(&compiled).is_empty());
    assert_eq!(owners(&compiled), "Unknown/ManagedByGit");
}

#[test]
fn in_the_repository_owners_own_the_files_of_what_they_answer_for() {
    let mut snapshot = snapshot(&by_repository());
    let every = ["data-platform", "crm", "content-studio", "analytics", "web-team"];
    let owned = |teams: &[&str]| Owned {
        path: "shop/strategy.yaml".to_owned(),
        owners: teams.iter().map(|team| format!("@shop/{team}")).collect(),
    };
    let all = |owned: &Owned| -> BTreeMap<_, _> {
        snapshot.ids().into_iter().map(|id| (id, owned.clone())).collect()
    };
    let (everybody, few) = (all(&owned(&every)), all(&owned(&every[..4])));
    snapshot.codeowners = Some(everybody);
    assert_eq!(owners(&compiled(&snapshot)), "True/OwnersResolved");
    snapshot.codeowners = Some(few);
    let lines: Vec<_> = crate::tests::others(&compiled(&snapshot))
        .into_iter()
        .map(told)
        .collect();
    assert_eq!(
        lines,
        [
            "error Channel web spec.owner.group AccessMissing: `web-team` owns the Channel and does not own \
             `shop/strategy.yaml`, where it stands: add it to CODEOWNERS (policy `default`)"
        ]
    );
}

#[test]
fn in_the_repository_a_role_is_named_with_the_first_file_that_is_not_its_own() {
    let mut snapshot = snapshot(&by_repository());
    let owned = |path: &str, team: &str| Owned {
        path: path.to_owned(),
        owners: vec![format!("@{team}")],
    };
    snapshot.codeowners = Some(
        snapshot
            .ids()
            .into_iter()
            .filter(|id| id.kind == Kind::ChannelBinding)
            .map(|id| (id, owned("bindings.yaml", "web-team")))
            .collect(),
    );
    let lines: Vec<_> = crate::tests::others(&compiled(&snapshot))
        .into_iter()
        .map(told)
        .collect();
    assert_eq!(
        lines,
        [
            "error Program spring-retention spec.owners.rules.group AccessMissing: `crm` answers for `rules` and does not own \
             `bindings.yaml`, where ChannelBinding `retention-home-hero` stands (and 1 more): add it to CODEOWNERS (policy \
             `default`)"
        ]
    );
}
