//! Deliveries: single requests to addresses that are secrets, such as a webhook. None is repeated, and
//! all of them together have one time limit: whoever sends them has done its work already.

use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinSet;

use super::http::{AttemptError, builder, is_success, network};
use crate::sources::identity::account::SecretSource;
use crate::sources::identity::origin::is_loopback;

/// Content type of a message's body.
const JSON: &str = "application/json";

/// A request that is sent once: a POST of a message, or a GET where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Key of the pipeline file that asks for it, such as `notify.webhook`.
    pub key: &'static str,
    /// Place of the address, which is a secret as a whole.
    pub address: SecretSource,
    /// JSON of the message; `None` for a sign of life.
    pub message: Option<String>,
}

/// A delivery that did not arrive, or of which nobody knows. Its text never holds the address.
#[derive(Debug, thiserror::Error)]
#[error("`{key}`: {words}")]
pub struct Undelivered {
    key: &'static str,
    words: String,
}

/// Sends all deliveries at the same time, and returns those that did not arrive within `limit`.
#[must_use]
pub fn deliver(deliveries: Vec<Delivery>, limit: Duration) -> Vec<Undelivered> {
    // Of one thread: nothing else goes on by now.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let failed =
                |delivery: &Delivery| undelivered(delivery.key, format!("an error: {error}"));
            return deliveries.iter().map(failed).collect();
        }
    };
    let found = runtime.block_on(all(deliveries, limit));
    // The lookup of a name cannot be interrupted, and must not keep the process.
    runtime.shutdown_background();
    found
}

async fn all(deliveries: Vec<Delivery>, limit: Duration) -> Vec<Undelivered> {
    let mut under_way = JoinSet::new();
    for delivery in deliveries {
        under_way.spawn(async move {
            let key = delivery.key;
            let sent = tokio::time::timeout(limit, send(delivery)).await;
            sent.unwrap_or_else(|_| {
                let found = format!("no answer within {} ms", limit.as_millis());
                Err(undelivered(key, found))
            })
        });
    }
    let mut lost: Vec<Undelivered> = under_way
        .join_all()
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    lost.sort_by_key(|undelivered| undelivered.key);
    lost
}

async fn send(delivery: Delivery) -> Result<(), Undelivered> {
    let key = delivery.key;
    let secret = delivery.address.read();
    let secret = secret.map_err(|error| Undelivered {
        key,
        words: error.to_string(),
    })?;
    let url = address(key, secret)?;
    // The answer's time is limited from outside.
    let client = builder(is_loopback(&url))
        .build()
        .map_err(|error| unanswered(key, error))?;
    let request = match delivery.message {
        Some(message) => client.post(url).header("Content-Type", JSON).body(message),
        None => client.get(url),
    };
    let response = request
        .send()
        .await
        .map_err(|error| unanswered(key, error))?;
    // Redirects are off, and one is no success: the address is a secret of its host.
    match response.status().as_u16() {
        status if is_success(status) => Ok(()),
        status => Err(undelivered(key, format!("status {status}"))),
    }
}

/// The address that a secret says: HTTPS, or a service on this machine.
fn address(key: &'static str, secret: SecretString) -> Result<Url, Undelivered> {
    let url = Url::parse(secret.expose_secret().trim());
    let found = match url {
        Ok(url) if url.scheme() == "https" => return Ok(url),
        Ok(url) if url.scheme() == "http" && is_loopback(&url) => return Ok(url),
        Ok(_) => "an address without `https://`".to_owned(),
        Err(error) => format!("no address ({error})"),
    };
    Err(Undelivered {
        key,
        words: format!("found {found}, wanted an address that begins with `https://`"),
    })
}

fn undelivered(key: &'static str, found: String) -> Undelivered {
    Undelivered {
        key,
        words: format!("found {found}, wanted an answer with status 200 to 299"),
    }
}

/// A failure of the network in words, without the address.
fn unanswered(key: &'static str, error: reqwest::Error) -> Undelivered {
    let (AttemptError::Unanswered(found) | AttemptError::Unusable(found)) = network(error);
    undelivered(key, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_addresses() {
        let is_good = |text: &str| address("notify.webhook", SecretString::from(text)).is_ok();
        for good in [
            "https://example.com/x?sig=1",
            " https://example.com \n",
            "http://127.0.0.1:8080/x",
            "http://localhost/x",
            "http://[::1]:9/x",
        ] {
            assert!(is_good(good), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "http://example.com",
            "ftp://localhost",
            "file:///x",
        ] {
            assert!(!is_good(bad), "{bad}");
        }
        let secret = SecretString::from("http://example.com/secret-path");
        let told = address("notify.ping", secret)
            .expect_err("no HTTPS")
            .to_string();
        assert!(
            !told.contains("secret-path") && !told.contains("example"),
            "{told}"
        );
    }
}
