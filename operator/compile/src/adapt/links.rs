//! Where links may lead, and what they tell whoever they lead to.

use attune_api::text::LinkScheme;
use url::{ParseError, Url, form_urlencoded};

use super::error::quoted;
use super::{AdaptError, Author, Place, characters};

/// Characters that no address has: a browser reads `\` as `/`, and the others end an attribute somewhere.
const NEVER: &[char] = &['"', '<', '>', '`', '\\', '{', '}'];

/// What holds for the links of one variant at one place.
pub(super) struct LinkRules<'a> {
    schemes: &'a [LinkScheme],
    /// Query parameters to add.
    campaign: Vec<(&'a str, String)>,
}

impl<'a> LinkRules<'a> {
    pub(super) fn new(place: &Place<'a>, author: Author<'_>) -> Self {
        let Some(links) = &place.touchpoint.links else {
            return Self {
                schemes: &[],
                campaign: Vec::new(),
            };
        };
        let value = |placeholder: &str| match placeholder {
            "channel" => Some(place.channel),
            "touchpoint" => Some(place.touchpoint.name.as_str()),
            "program" => place.binding.map(|bound| bound.program),
            "binding" => place.binding.map(|bound| bound.binding),
            "module" => Some(author.module),
            "variant" => author.variant,
            _ => None,
        };
        let campaign = links
            .campaign
            .iter()
            .filter_map(|parameter| Some((parameter.name.as_str(), parameter.value.fill(value)?)));
        Self {
            schemes: &links.schemes,
            campaign: campaign.collect(),
        }
    }

    /// A link as it is shown.
    pub(super) fn adapt(&self, url: &str) -> Result<String, AdaptError> {
        if self.check(url)? {
            Ok(self.with_campaign(url))
        } else {
            Ok(url.to_owned())
        }
    }

    /// Where a picture is loaded from, which tells nobody anything.
    pub(super) fn picture(&self, url: &str) -> Result<(), AdaptError> {
        if self.check(url)? {
            Ok(())
        } else {
            Err(malformed(url))
        }
    }

    /// Whether a link leads into the web, which is where query parameters mean something.
    fn check(&self, url: &str) -> Result<bool, AdaptError> {
        characters::check(url)?;
        if url.contains(|character: char| character.is_whitespace() || NEVER.contains(&character)) {
            return Err(malformed(url));
        }
        if url.starts_with('/') && !url.starts_with("//") {
            return Ok(true);
        }
        let parsed = Url::parse(url).map_err(|error| match error {
            ParseError::RelativeUrlWithoutBase => AdaptError::Relative { url: quoted(url) },
            _ => malformed(url),
        })?;
        let scheme = parsed.scheme();
        let is_listed = scheme == "https" || self.schemes.iter().any(|listed| listed == scheme);
        if !is_listed || LinkScheme::NEVER.contains(&scheme) {
            return Err(AdaptError::Scheme {
                scheme: quoted(scheme),
            });
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(AdaptError::UserInfo { url: quoted(url) });
        }
        let is_web = matches!(scheme, "http" | "https");
        // `https:shop.example` is a path on the page's own host to some, and an address to others.
        let rest = url.get(scheme.len()..).unwrap_or_default();
        if is_web && (!rest.starts_with("://") || rest.starts_with(":///")) {
            return Err(malformed(url));
        }
        Ok(is_web)
    }

    /// The link with the parameters that it does not have, the rest of it as it is.
    fn with_campaign(&self, url: &str) -> String {
        let (address, fragment) = match url.split_once('#') {
            Some((address, fragment)) => (address, Some(fragment)),
            None => (url, None),
        };
        let query = address.split_once('?').map(|(_, query)| query);
        let has = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
            pairs.any(|(known, _)| known == name)
        };
        let added = self.campaign.iter().filter(|(name, _)| !has(name));
        let added: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(added)
            .finish();
        let between = match query {
            _ if added.is_empty() => "",
            None => "?",
            Some(query) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        let mut link = format!("{address}{between}{added}");
        if let Some(fragment) = fragment {
            link.push('#');
            link.push_str(fragment);
        }
        link
    }
}

fn malformed(url: &str) -> AdaptError {
    AdaptError::Malformed { url: quoted(url) }
}
