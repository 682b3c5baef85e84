//! The definitions to install in a cluster.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::kind::Kind;
use crate::{
    Audience, Channel, ChannelBinding, ContentModule, DataContract, Experiment, GovernancePolicy, Holdout,
    Metric, Program,
};

/// The definition of a kind.
pub fn crd(kind: Kind) -> CustomResourceDefinition {
    match kind {
        Kind::Program => Program::crd(),
        Kind::DataContract => DataContract::crd(),
        Kind::Audience => Audience::crd(),
        Kind::ContentModule => ContentModule::crd(),
        Kind::Channel => Channel::crd(),
        Kind::ChannelBinding => ChannelBinding::crd(),
        Kind::Metric => Metric::crd(),
        Kind::Experiment => Experiment::crd(),
        Kind::Holdout => Holdout::crd(),
        Kind::GovernancePolicy => GovernancePolicy::crd(),
    }
}

/// The definitions of all kinds, in the order of [`Kind::ALL`].
pub fn crds() -> Vec<CustomResourceDefinition> {
    Kind::ALL.into_iter().map(crd).collect()
}

/// The definition of a kind as a YAML document.
pub fn crd_yaml(_kind: Kind) -> String {
    String::new()
}
