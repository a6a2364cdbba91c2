//! Which provider, and what we are to it: the crate `openidconnect`, set up.

use std::fmt;
use std::time::{Duration, SystemTime};

use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreProviderMetadata,
};
use openidconnect::url::ParseError;
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    reqwest,
};
use serde::Deserialize;
use stateless_session::LoginBegun;

use crate::failure::Failure;

/// In life, out of the environment.
const SECRET: &str = "a-secret-of-the-example-that-nobody-should-copy";

#[derive(Clone)]
pub struct Provider {
    issuer: IssuerUrl,
    app: String,
    http: reqwest::Client,
}

/// The provider as it is now, and us with one callback.
pub struct Client {
    pub openid: CoreClient<
        EndpointSet,
        EndpointNotSet,
        EndpointNotSet,
        EndpointNotSet,
        EndpointMaybeSet,
        EndpointMaybeSet,
    >,
    pub http: reqwest::Client,
}

impl Provider {
    pub fn new(issuer: String, app: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let http = reqwest::ClientBuilder::new()
            // A provider that redirects the server could lead it anywhere.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self {
            issuer: IssuerUrl::new(issuer)?,
            app: app.to_owned(),
            http,
        })
    }

    /// Reads the provider's document and its keys. Whoever has many logins keeps both for some minutes; kept from the start on,
    /// an outage at the start or a new key at the provider would end all logins until the next start.
    pub async fn client(&self, callback: &str) -> Result<Client, Failure> {
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http);
        let (id, secret) = (
            ClientId::new("app".into()),
            ClientSecret::new(SECRET.into()),
        );
        let callback = self.callback(callback)?;
        Ok(Client {
            openid: CoreClient::from_provider_metadata(metadata.await?, id, Some(secret))
                .set_redirect_uri(callback),
            http: self.http.clone(),
        })
    }

    fn callback(&self, path: &str) -> Result<RedirectUrl, ParseError> {
        RedirectUrl::new(format!("{}{path}", self.app))
    }

    /// Where a login begins. With a prompt for it, the provider asks for it although it knows the browser.
    pub async fn url(
        &self,
        callback: &str,
        begun: &LoginBegun,
        prompt: Option<CoreAuthPrompt>,
    ) -> Result<String, Failure> {
        let Client { openid, .. } = self.client(callback).await?;
        let state = CsrfToken::new(begun.state().to_owned());
        let nonce = Nonce::new(begun.nonce().to_owned());
        let verifier = PkceCodeVerifier::new(begun.pkce_verifier().to_owned());
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = openid
            .authorize_url(flow, move || state, move || nonce)
            .add_scope(Scope::new("email".into()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if let Some(prompt) = prompt {
            request = request.add_prompt(prompt).set_max_age(Duration::ZERO);
        }
        Ok(request.url().0.into())
    }
}

/// What the provider sends back (RFC 6749, section 4.1.2).
#[derive(Deserialize)]
pub struct Answer {
    code: Option<AuthorizationCode>,
    error: Option<String>,
}

impl Answer {
    pub fn code(self) -> Result<AuthorizationCode, Failure> {
        match (self.code, self.error.as_deref()) {
            (Some(code), None) => Ok(code),
            (_, Some("access_denied")) => Err(Failure::Canceled),
            (_, error) => Err(Failure::Refused(error.unwrap_or_default().to_owned())),
        }
    }
}

/// Who somebody is at the provider: an issuer and a subject. An address there is nobody's name.
pub struct Identity {
    issuer: String,
    subject: String,
    /// A provider that knows the browser asks for nothing, so this may be long ago.
    pub authenticated_at: SystemTime,
}

impl Identity {
    pub fn of(token: &CoreIdTokenClaims) -> Result<Self, Failure> {
        Ok(Self {
            issuer: token.issuer().to_string(),
            subject: token.subject().to_string(),
            authenticated_at: token.auth_time().ok_or(Failure::Incomplete)?.into(),
        })
    }

    pub fn key(&self) -> (String, String) {
        (self.issuer.clone(), self.subject.clone())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.subject, self.issuer)
    }
}
