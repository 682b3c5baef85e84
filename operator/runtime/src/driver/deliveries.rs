//! Rules to receivers that run no decider of ours: endpoints, and ConfigMaps.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::Kind;
use attune_api::channel::SyncFigures;
use attune_api::delivery::Delivery;
use attune_compile::ObjectId;
use attune_compile::status::Receiver;
use serde::Deserialize;

use super::Driver;
use crate::{config_maps, push};

/// Namespace and name of a Channel.
type Key = (String, String);

impl Driver {
    /// Lets receivers have what is published, while this replica leads, and tells the index how that stands.
    pub(super) fn deliver(&mut self) {
        if !self.role.leads() {
            return;
        }
        let (mut pushed, mut written) = (BTreeMap::new(), BTreeMap::new());
        let (mut kept, mut receivers) = (BTreeSet::new(), Vec::new());
        for (namespace, channel, spec) in self.index.declared_channels() {
            let delivery = spec.map(|spec| &spec.delivery);
            let key = (namespace.to_owned(), channel.to_owned());
            let publication = self.index.publication(namespace, channel).cloned();
            match (delivery, publication) {
                // What cannot be read, or does not compile yet, leaves alone what stands.
                (None | Some(Delivery::Push(_) | Delivery::ConfigMap(_)), None) | (None, Some(_)) => {
                    kept.insert(key);
                }
                (Some(Delivery::Push(push)), Some(publication)) => {
                    let delivery = push::Delivery {
                        push: push.as_ref().clone(),
                        publication,
                        standing: self.standing_sync(&key),
                    };
                    receivers.push(key.clone());
                    pushed.insert(key, delivery);
                }
                (Some(Delivery::ConfigMap(config_map)), Some(publication)) => {
                    let delivery = config_maps::Delivery {
                        config_map: config_map.clone(),
                        publication,
                        owner: self.index.channel_uid(namespace, channel),
                        standing: self.standing_sync(&key),
                    };
                    receivers.push(key.clone());
                    written.insert(key, delivery);
                }
                (Some(_), _) => {}
            }
        }
        self.outputs.pusher.settle(pushed, &kept);
        self.outputs.config_maps.settle(written, kept);
        for (namespace, channel) in receivers {
            let receiver = self.receiver(&namespace, &channel);
            self.index.hear_receiver(&namespace, &channel, receiver);
        }
    }

    fn receiver(&self, namespace: &str, channel: &str) -> Receiver {
        match self.outputs.pusher.receiver(namespace, channel) {
            Receiver::Unknown => self.outputs.config_maps.receiver(namespace, channel),
            known @ Receiver::Known(_) => known,
        }
    }

    /// What stands on a Channel's status of its receiver.
    fn standing_sync(&self, (namespace, channel): &Key) -> Option<SyncFigures> {
        let id = ObjectId {
            kind: Kind::Channel,
            namespace: namespace.clone(),
            name: channel.clone(),
        };
        SyncFigures::deserialize(self.index.status(&id)?.get("sync")?).ok()
    }

    /// Leaves receivers to another replica; what was heard of them was heard by this one alone.
    pub(super) fn leave_receivers(&mut self) {
        self.outputs.pusher.follow();
        self.outputs.config_maps.follow();
        let channels = self.index.channels();
        let channels: Vec<Key> = channels
            .map(|(namespace, channel)| (namespace.to_owned(), channel.to_owned()))
            .collect();
        for (namespace, channel) in channels {
            self.index.hear_receiver(&namespace, &channel, Receiver::Unknown);
        }
    }
}
