use attune_api::Kind;

use super::Role;

#[test]
fn each_kind_of_a_strategy_has_one_role_that_answers_for_it() {
    let mut kinds: Vec<_> = Role::ALL.into_iter().flat_map(Role::kinds).copied().collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            Kind::DataContract,
            Kind::Audience,
            Kind::ContentModule,
            Kind::ChannelBinding,
            Kind::Metric,
            Kind::Experiment,
            Kind::Holdout,
        ]
    );
}
