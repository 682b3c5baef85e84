//! Bringing the collector the bundles that decided what is kept.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use tracing::warn;

use super::{PostError, Reporter, below};
use crate::exposure::kept::Owed;

impl Reporter {
    /// Brings those that the collector does not have yet, before what they decided.
    ///
    /// # Errors
    /// When the collector is to be asked again later.
    pub(super) async fn bring_bundles(&mut self) -> Result<(), PostError> {
        let Some(bundles) = self.deliveries.bundles.clone() else {
            return Ok(());
        };
        while let Some(owed) = bundles.next() {
            let is_known = self.ask(Method::HEAD, &owed).await?.is_success();
            let status = if is_known {
                StatusCode::OK
            } else {
                self.ask(Method::PUT, &owed).await?
            };
            match status {
                status if status.is_success() => {}
                StatusCode::UNAUTHORIZED => return Err(PostError::Authenticate),
                status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => warn!(
                    %status,
                    revision = owed.revision,
                    "the collector does not want a bundle; what it decided cannot be made again"
                ),
                status => return Err(PostError::Answer { status }),
            }
            bundles.settle(&owed.revision);
        }
        Ok(())
    }

    async fn ask(&mut self, method: Method, owed: &Owed) -> Result<StatusCode, PostError> {
        // INVARIANT: another path was put below the same URL.
        let mut url = below(&self.collector, &["v1", "bundles", &owed.revision])
            .unwrap_or_else(|_| self.collector.clone());
        url.query_pairs_mut().append_pair("namespace", &owed.namespace);
        let body = (method == Method::PUT).then(|| owed.json.to_vec());
        let mut request = self.link.request(method, &url)?;
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        Ok(request.send().await.map_err(PostError::Send)?.status())
    }
}
