//! How a request is led elsewhere.

use std::fmt;
use std::sync::Arc;

use axum::http::header::{LOCATION, REFRESH};
use axum::http::{HeaderName, HeaderValue};

const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// Where a page's request is led that has no session, or one that a refresh mends; or a refresh, whose browser is to prove its
/// key first.
#[derive(Clone, PartialEq, Eq)]
pub struct Redirect(Arc<Led>);

#[derive(Clone, PartialEq, Eq)]
struct Led {
    way: Way,
    url: String,
    realm: &'static str,
    /// A `Set-Cookie` beside it.
    #[cfg(feature = "binding")]
    cookie: Option<HeaderValue>,
}

/// How browsers are led.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the refresh, and back with the same method and body.
    Refresh,
    /// To the refresh by a document of this origin, after which Strict cookies come.
    RefreshDocument,
    /// To the login page.
    Login,
    /// To the login page by a script that would swap it in for a part of the page.
    LoginHtmx,
    /// To the refresh where it is, once the browser has proved its key.
    #[cfg(feature = "binding")]
    Proof,
}

impl Redirect {
    pub(crate) fn new(way: Way, url: String, realm: &'static str) -> Self {
        Self(Arc::new(Led {
            way,
            url,
            realm,
            #[cfg(feature = "binding")]
            cookie: None,
        }))
    }

    /// To the refresh again, without the cookie that stood in the way of a proof.
    #[cfg(feature = "binding")]
    pub(crate) fn to_a_proof(
        url: String,
        cookie: Option<HeaderValue>,
        realm: &'static str,
    ) -> Self {
        Self(Arc::new(Led {
            way: Way::Proof,
            url,
            realm,
            cookie,
        }))
    }

    /// The same, and with what the refresh leads back to.
    #[cfg(feature = "binding")]
    pub(crate) fn at(&self, url: String) -> Self {
        let led = Led::clone(&self.0);
        Self(Arc::new(Led { url, ..led }))
    }

    #[cfg(feature = "binding")]
    pub(crate) fn cookie(&self) -> Option<HeaderValue> {
        self.0.cookie.clone()
    }

    pub(crate) fn way(&self) -> Way {
        self.0.way
    }

    /// What a 401 asks for.
    pub(crate) fn realm(&self) -> Option<&'static str> {
        (self.0.way == Way::LoginHtmx).then_some(self.0.realm)
    }

    /// The header that leads there. A URL of ours always fits one.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let url = &self.0.url;
        let (name, value) = match self.0.way {
            Way::Refresh | Way::Login => (LOCATION, HeaderValue::try_from(url)),
            Way::RefreshDocument => (REFRESH, HeaderValue::try_from(format!("0; url={url}"))),
            Way::LoginHtmx => (HX_REDIRECT, HeaderValue::try_from(url)),
            #[cfg(feature = "binding")]
            Way::Proof => (LOCATION, HeaderValue::try_from(url)),
        };
        Some((name, value.ok()?))
    }
}

/// Without the URL, which holds what somebody looked for.
impl fmt::Debug for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redirect").field(&self.0.way).finish()
    }
}
