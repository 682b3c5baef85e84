//! How clients reach the deciders, and which clients.

use attune_api::delivery::ClientPods;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::ServiceChannel;
use crate::Settings;
use crate::decider::{PORT, PROBES_PORT};

pub(super) fn service(channel: &ServiceChannel<'_>, settings: &Settings) -> Service {
    let (protocol, port) = if channel.service.is_tls() {
        ("https", 443)
    } else {
        ("http", 80)
    };
    Service {
        metadata: channel.metadata(settings),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(channel.selected()),
            ports: Some(vec![ServicePort {
                name: Some(protocol.to_owned()),
                app_protocol: Some(protocol.to_owned()),
                port,
                protocol: Some("TCP".to_owned()),
                target_port: Some(IntOrString::Int(PORT)),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

pub(super) fn policy(channel: &ServiceChannel<'_>, settings: &Settings) -> NetworkPolicy {
    let clients = &channel.service.clients;
    let peers = if clients.is_empty() {
        vec![peer(&ClientPods::default())]
    } else {
        clients.iter().map(peer).collect()
    };
    NetworkPolicy {
        metadata: channel.metadata(settings),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(channel.selector()),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(vec![
                NetworkPolicyIngressRule {
                    from: Some(peers),
                    ports: Some(vec![port(PORT)]),
                },
                // Whoever scrapes metrics is not known here; no decision and no rule can be read there.
                NetworkPolicyIngressRule {
                    from: None,
                    ports: Some(vec![port(PROBES_PORT)]),
                },
            ]),
            egress: None,
        }),
    }
}

/// Without a namespace, pods of the Channel's own.
fn peer(client: &ClientPods) -> NetworkPolicyPeer {
    let every_pod = || client.namespace_selector.is_none().then(LabelSelector::default);
    NetworkPolicyPeer {
        namespace_selector: client.namespace_selector.clone(),
        pod_selector: client.pod_selector.clone().or_else(every_pod),
        ip_block: None,
    }
}

fn port(number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number)),
        protocol: Some("TCP".to_owned()),
        end_port: None,
    }
}
