//! Managed identity, through Microsoft's own crate, which knows the endpoints of each kind of Azure
//! machine. Its requests go through a client of ours: no proxy, no redirect, no second TLS stack.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential as _;
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Method, Request, StatusCode, Transport,
};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use secrecy::SecretString;

use super::token::Token;
use crate::sources::failure::FetchError;
use crate::sources::wire::http::Http;

/// Longest time for a response of the machine's own endpoint.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Requests a token for the identity of this machine.
pub(super) async fn token(
    http: &Http,
    client_id: Option<&str>,
    audience: &str,
) -> Result<Token, FetchError> {
    let what = "A token for the managed identity";
    let refused = |error: &azure_core::Error| FetchError::Authentication {
        what: what.to_owned(),
        found: error.to_string(),
        wanted: "a token".to_owned(),
        hint:
            "managed identity works only on Azure; elsewhere use a certificate or workload identity"
                .to_owned(),
    };
    // The metadata service speaks plain HTTP on a link-local address: a proxy cannot reach it.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .build();
    let client = client.map_err(|error| FetchError::Start {
        what: "the HTTP client",
        source: error.without_url().into(),
    })?;
    http.progress
        .detail(|| "requesting a token for the managed identity".to_owned());
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
    let seconds_left = token.expires_on.unix_timestamp()
        - chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp();
    Token::new(
        what,
        SecretString::from(token.token.secret().to_owned()),
        Duration::from_secs(seconds_left.max(0).unsigned_abs()),
    )
}

/// The client behind the interface by which the crate sends requests.
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
        // The crate sends no other method.
        let method = if request.method() == Method::Post {
            reqwest::Method::POST
        } else {
            reqwest::Method::GET
        };
        let mut sent = self.0.request(method, request.url().as_str());
        for (name, value) in request.headers().iter() {
            sent = sent.header(name.as_str(), value.as_str());
        }
        if let azure_core::http::Body::Bytes(bytes) = request.body() {
            sent = sent.body(bytes.to_vec());
        }
        let response = sent.send().await.map_err(fault)?;
        let status = StatusCode::from(response.status().as_u16());
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            // The crate takes text only, and reads none of the headers that are not.
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let body = response.bytes().await.map_err(fault)?;
        Ok(AsyncRawResponse::from_bytes(status, headers, body))
    }
}
