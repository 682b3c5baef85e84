//! The body of a webhook's request.

use kube::core::DynamicObject;
use kube::core::admission::{
    AdmissionRequest, AdmissionResponse, AdmissionReview, META_API_VERSION_V1, META_KIND, Operation,
};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// A body that is no review; whoever sent it is told so with [`ReviewError::status`].
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// It is not JSON.
    #[error("the body is not JSON: send an AdmissionReview")]
    Parse(#[source] serde_json::Error),
    /// It is something else.
    #[error("the body is a `{kind}` of `{api_version}`: send an AdmissionReview of `{META_API_VERSION_V1}`")]
    Recognize {
        /// Its `apiVersion`, shortened; empty where it has none.
        api_version: String,
        /// Its `kind`, shortened; empty where it has none.
        kind: String,
    },
    /// There is no request in it.
    #[error("`request` is missing: send the AdmissionReview of a request")]
    FindRequest,
    /// The request is not one.
    #[error("`request` cannot be read: {0}")]
    ReadRequest(#[source] serde_json::Error),
}

impl ReviewError {
    /// The HTTP status to answer with.
    pub const fn status(&self) -> u16 {
        400
    }
}

/// A request to judge one object.
///
/// The objects are kept as they came: fields that are newer than this program are there as well.
#[derive(Debug, Clone)]
pub struct Review {
    request: AdmissionRequest<DynamicObject>,
    /// The object as it would be stored; null where there is none.
    pub object: Value,
    /// The object as it is stored; null where there is none.
    pub old_object: Value,
}

impl Review {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is not an `AdmissionReview` with a request.
    pub fn parse(body: &[u8]) -> Result<Self, ReviewError> {
        let mut review: Value = serde_json::from_slice(body).map_err(ReviewError::Parse)?;
        let text = |field: &str| review.get(field).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if api_version != META_API_VERSION_V1 || kind != META_KIND {
            return Err(ReviewError::Recognize {
                api_version: crate::warning::quote(api_version),
                kind: crate::warning::quote(kind),
            });
        }
        let mut request = review.get_mut("request").map(Value::take).unwrap_or_default();
        let Some(fields) = request.as_object_mut() else {
            return Err(ReviewError::FindRequest);
        };
        let object = fields.remove("object").unwrap_or_default();
        let old_object = fields.remove("oldObject").unwrap_or_default();
        let mut request: AdmissionRequest<DynamicObject> =
            serde_json::from_value(request).map_err(ReviewError::ReadRequest)?;
        META_API_VERSION_V1.clone_into(&mut request.types.api_version);
        META_KIND.clone_into(&mut request.types.kind);
        Ok(Self {
            request,
            object,
            old_object,
        })
    }

    /// What is to happen to the object.
    pub fn operation(&self) -> &Operation {
        &self.request.operation
    }

    /// The group and kind of the object.
    pub fn group_kind(&self) -> (&str, &str) {
        (&self.request.kind.group, &self.request.kind.kind)
    }

    /// The part of the object that is written, such as `status`; `None` for the object itself.
    pub fn subresource(&self) -> Option<&str> {
        self.request
            .sub_resource
            .as_deref()
            .filter(|name| !name.is_empty())
    }

    /// The namespace of the object; empty for an object without.
    pub fn namespace(&self) -> &str {
        self.request.namespace.as_deref().unwrap_or_default()
    }

    /// The object's name, or the beginning of the one that it will get.
    pub fn name(&self) -> &str {
        let metadata = |field: &str| self.object.get("metadata")?.get(field)?.as_str();
        let names = [
            Some(self.request.name.as_str()),
            metadata("name"),
            metadata("generateName"),
        ];
        let mut names = names.into_iter().flatten().filter(|name| !name.is_empty());
        names.next().unwrap_or_default()
    }

    /// Whether nothing will come of it: then nothing may be written about it either.
    pub fn is_dry_run(&self) -> bool {
        self.request.dry_run
    }

    /// The answer that lets the object pass as it is.
    pub fn allow(&self) -> AdmissionResponse {
        AdmissionResponse::from(&self.request)
    }
}

/// The body to answer with.
pub fn answer(response: AdmissionResponse) -> AdmissionReview<DynamicObject> {
    response.into_review()
}
