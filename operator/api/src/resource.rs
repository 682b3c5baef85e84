//! A resource of any kind, and how a document becomes one.

use kube::core::{DynamicObject, ObjectMeta};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::kind::Kind;
use crate::{
    API_VERSION, Audience, Channel, ChannelBinding, ContentModule, DataContract, Experiment,
    GovernancePolicy, Holdout, Metric, Program,
};

/// A document that is no resource of this group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is not of this group and version.
    #[error("`apiVersion` is `{found}`, not `{API_VERSION}`")]
    ApiVersion {
        /// What it says; empty when it says nothing.
        found: String,
    },
    /// Its kind is not one of ours.
    #[error("`kind` is `{found}`, which attune.dev/v1alpha1 does not have")]
    UnknownKind {
        /// What it says; empty when it says nothing.
        found: String,
    },
    /// It has no name.
    #[error("`metadata.name` is missing; give the {kind} a name")]
    Unnamed {
        /// Its kind.
        kind: Kind,
    },
    /// A field does not have the shape it must have.
    #[error("`{field}`: {message}")]
    Field {
        /// Its kind.
        kind: Kind,
        /// Path of the field as `spec.arms[1].weight`; empty for the document itself.
        field: String,
        /// What is wrong with it.
        message: String,
    },
}

impl DecodeError {
    /// Path of the field that is at fault.
    pub fn field(&self) -> &str {
        match self {
            Self::ApiVersion { .. } => "apiVersion",
            Self::UnknownKind { .. } => "kind",
            Self::Unnamed { .. } => "metadata.name",
            Self::Field { field, .. } => field,
        }
    }

    /// What is wrong, without the path.
    pub fn message(&self) -> String {
        match self {
            Self::Field { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }
}

macro_rules! resources {
    ($($kind:ident),* $(,)?) => {
        /// A resource of any of the ten kinds.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Resource {
            $(
                #[doc = concat!("A ", stringify!($kind), ".")]
                $kind(Box<$kind>),
            )*
        }

        $(
            impl From<$kind> for Resource {
                fn from(object: $kind) -> Self {
                    Self::$kind(Box::new(object))
                }
            }
        )*

        impl Resource {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }

            /// Its metadata.
            pub fn metadata(&self) -> &ObjectMeta {
                match self {
                    $(Self::$kind(object) => &object.metadata,)*
                }
            }

            /// Its metadata, to change.
            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self {
                    $(Self::$kind(object) => &mut object.metadata,)*
                }
            }

            /// Its `spec` as JSON.
            pub fn spec(&self) -> Value {
                match self {
                    $(Self::$kind(object) => to_json(&object.spec),)*
                }
            }

            /// Its `status` as JSON, where it has one.
            pub fn status(&self) -> Option<Value> {
                match self {
                    $(Self::$kind(object) => object.status.as_ref().map(to_json),)*
                }
            }

            /// Its `status` as JSON, where it has one; it has none afterwards.
            pub fn take_status(&mut self) -> Option<Value> {
                match self {
                    $(Self::$kind(object) => object.status.take().as_ref().map(to_json),)*
                }
            }

            /// A typed resource from a document whose `kind` is `kind`.
            fn decode_as(kind: Kind, document: Value) -> Result<Self, DecodeError> {
                match kind {
                    $(Kind::$kind => decode::<$kind>(kind, document).map(Self::from),)*
                }
            }
        }
    };
}

resources!(
    Program,
    DataContract,
    Audience,
    ContentModule,
    Channel,
    ChannelBinding,
    Metric,
    Experiment,
    Holdout,
    GovernancePolicy,
);

impl Resource {
    /// Its name; empty where the document had none.
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// Its namespace; `None` for a kind without, or where the document had none.
    pub fn namespace(&self) -> Option<&str> {
        self.metadata().namespace.as_deref()
    }

    /// Its generation, where a server has given it one.
    pub fn generation(&self) -> Option<i64> {
        self.metadata().generation
    }

    /// All of it as JSON.
    pub fn to_json(&self) -> Value {
        to_json(self)
    }

    /// A typed resource from an object as a server lists it: without its kind, and with who wrote which field.
    ///
    /// One without a status has an empty one: to say nothing is something else than not to be told.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn from_object(kind: Kind, mut object: DynamicObject) -> Result<Self, DecodeError> {
        // Half of an object's bytes say who wrote which field; nobody here asks.
        object.metadata.managed_fields = None;
        let mut document = object.data;
        if let Some(fields) = document.as_object_mut() {
            fields.insert("apiVersion".to_owned(), API_VERSION.into());
            fields.insert("kind".to_owned(), kind.name().into());
            fields.entry("status").or_insert_with(|| json!({}));
            fields.insert("metadata".to_owned(), to_json(&object.metadata));
        }
        Self::decode(document)
    }

    /// A typed resource from a document.
    ///
    /// Unknown fields are ignored, as the server prunes them.
    ///
    /// # Errors
    /// When the document is of another group or kind, has no name, or a field does not have its shape; the first such
    /// field is named.
    pub fn decode(document: Value) -> Result<Self, DecodeError> {
        let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default();
        let (found_version, found_kind) = (text("apiVersion"), text("kind"));
        if found_version != API_VERSION {
            return Err(DecodeError::ApiVersion {
                found: found_version.to_owned(),
            });
        }
        let Ok(kind) = found_kind.parse::<Kind>() else {
            return Err(DecodeError::UnknownKind {
                found: found_kind.to_owned(),
            });
        };
        let resource = Self::decode_as(kind, document)?;
        if resource.name().is_empty() {
            Err(DecodeError::Unnamed { kind })
        } else {
            Ok(resource)
        }
    }
}

fn decode<T: DeserializeOwned>(kind: Kind, document: Value) -> Result<T, DecodeError> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        DecodeError::Field {
            kind,
            field,
            message: error.inner().to_string(),
        }
    })
}

/// The types of this crate have text keys and finite numbers only, so that writing them cannot fail.
fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
