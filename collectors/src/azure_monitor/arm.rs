//! Addresses of Azure Resource Manager, and its lists in pages.

use std::collections::HashSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use url::Url;

use super::cloud::Audience;
use super::error::{ApiError, Failure};
use super::limits::Limit;
use super::rest::{Call, Rest, Round};
use super::wire::Page;

/// What a list brought.
#[derive(Debug)]
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
    /// Whether there were more pages than were read.
    pub(super) is_cut: bool,
}

impl Rest {
    /// An address below the resource manager: `path` begins with `/` and is taken as it is, `query` is escaped.
    pub(super) fn arm_url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, ApiError> {
        under(&self.endpoints.arm, path, query)
    }

    /// A GET of Azure Resource Manager that counts against a subscription's reads; none is the tenant.
    pub(super) fn arm_get(
        &self,
        operation: &'static str,
        about: String,
        subscription: &str,
        url: Url,
    ) -> Call {
        let limit = Limit::Arm(Arc::from(subscription));
        Call { operation, about, audience: Audience::Arm, limit, url, body: None }
    }

    /// Reads pages until there is none any more, `enough` says so, or there were `pages_max`.
    ///
    /// # Errors
    /// A page failed; a next link leads elsewhere, or in a circle.
    pub(super) async fn list<T: DeserializeOwned + Send + 'static>(
        &self,
        mut call: Call,
        pages_max: usize,
        round: &Round<'_>,
        mut is_enough: impl FnMut(&[T]) -> bool,
    ) -> Result<Listed<T>, ApiError> {
        let mut items = Vec::new();
        let mut visited = HashSet::from([call.url.to_string()]);
        for _ in 0..pages_max {
            let page: Page<T> = self.call(&call, round).await?;
            let done = is_enough(&page.value);
            items.extend(page.value);
            let next = page.next_link.filter(|link| !link.is_empty());
            let Some(next) = next.filter(|_| !done) else { return Ok(Listed { items, is_cut: false }) };
            let elsewhere = |why: &str| ApiError::new(Failure::Unreadable, why).about(&call.about);
            let url = Url::parse(&next).map_err(|_| elsewhere("the next link is no URL"))?;
            if !self.endpoints.is_arm(&url) {
                return Err(elsewhere("the next link leads to another host, which gets no token"));
            }
            if !visited.insert(url.to_string()) {
                return Err(elsewhere("the next link leads in a circle"));
            }
            call.url = url;
        }
        Ok(Listed { items, is_cut: true })
    }
}

/// An address below a base, which may have a path of its own.
pub(super) fn under(base: &Url, path: &str, query: &[(&str, &str)]) -> Result<Url, ApiError> {
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/');
    // What Azure names may hold characters that would end the path.
    let path = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    url.set_path(&format!("{prefix}{path}"));
    url.query_pairs_mut().clear().extend_pairs(query);
    if url.host() != base.host() {
        return Err(ApiError::new(Failure::Refused, format!("{path:?} makes no address")));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_a_path() {
        let base = Url::parse("https://management.azure.com/").unwrap();
        let url =
            under(&base, "/subscriptions/s/a b?x#y/%41", &[("api-version", "1"), ("$filter", "a eq 'b'")]);
        assert_eq!(
            url.unwrap().as_str(),
            "https://management.azure.com/subscriptions/s/a%20b%3Fx%23y/%2541?api-version=1&%24filter=a+eq+%27b%27"
        );
        let base = Url::parse("http://127.0.0.1:1/arm").unwrap();
        assert_eq!(under(&base, "/x", &[("a", "b")]).unwrap().as_str(), "http://127.0.0.1:1/arm/x?a=b");
    }
}
