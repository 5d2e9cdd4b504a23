//! Managed identity, through Microsoft's own crate; its requests go through our client.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential as _;
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Method, Request, StatusCode, Transport,
};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use secrecy::SecretString;

use super::Token;
use crate::sources::failure::FetchError;
use crate::sources::wire::http::Http;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A token of the machine's identity.
pub(super) async fn token(
    http: &Http,
    client_id: Option<&str>,
    audience: &str,
) -> Result<Token, FetchError> {
    let refused = |error: &azure_core::Error| FetchError::Authentication {
        what: "a token of the managed identity".to_owned(),
        found: error.to_string(),
        wanted: "a token".to_owned(),
        hint:
            "managed identity works on Azure only; elsewhere use a certificate or workload identity"
                .to_owned(),
    };
    // The metadata service is plain HTTP, on an address of the machine's own: no proxy, no redirect.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build();
    let client = client.map_err(|error| FetchError::Start {
        what: "the HTTP client",
        source: error.without_url().into(),
    })?;
    http.watch
        .detail(|| "asking the machine for a token".to_owned());
    let transport = Transport::new(Arc::new(Bridge(client)));
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options: ClientOptions {
            transport: Some(transport),
            ..ClientOptions::default()
        },
    };
    let credential =
        ManagedIdentityCredential::new(Some(options)).map_err(|error| refused(&error))?;
    let scope = format!("{audience}/.default");
    let token = credential
        .get_token(&[&scope], None)
        .await
        .map_err(|error| refused(&error))?;
    let left = token.expires_on.unix_timestamp()
        - chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp();
    Ok(Token::new(
        SecretString::from(token.token.secret().to_owned()),
        Duration::from_secs(u64::try_from(left).unwrap_or(0)),
    ))
}

/// Our client, as the crate wants to see it.
#[derive(Debug)]
struct Bridge(reqwest::Client);

#[async_trait::async_trait]
impl HttpClient for Bridge {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let fault = |error: reqwest::Error| {
            azure_core::Error::with_message(
                azure_core::error::ErrorKind::Io,
                error.without_url().to_string(),
            )
        };
        let method = if request.method() == Method::Post {
            reqwest::Method::POST
        } else {
            reqwest::Method::GET
        };
        let mut asked = self.0.request(method, request.url().as_str());
        for (name, value) in request.headers().iter() {
            asked = asked.header(name.as_str(), value.as_str());
        }
        if let azure_core::http::Body::Bytes(bytes) = request.body() {
            asked = asked.body(bytes.to_vec());
        }
        let response = asked.send().await.map_err(fault)?;
        let status = StatusCode::from(response.status().as_u16());
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            headers.insert(
                name.as_str().to_owned(),
                value.to_str().unwrap_or_default().to_owned(),
            );
        }
        let body = response.bytes().await.map_err(fault)?;
        Ok(AsyncRawResponse::from_bytes(status, headers, body))
    }
}
