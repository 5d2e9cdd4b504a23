//! The client assertion of a certificate: a JSON web token that names the application, signed with
//! the certificate's private key. Entra ID accepts it in place of a client secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use ring::{digest, rand, signature};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret as _, SecretString};

use super::token::missing;
use crate::sources::failure::FetchError;
use crate::sources::wire::message::guid;

/// Life of an assertion from its `nbf`: ten minutes, the most that Microsoft's page advises. It is
/// used at once.
const GOOD_FOR_SECONDS: i64 = 600;
/// Seconds by which an assertion is dated back, as the clocks of two machines differ.
const DATED_BACK_SECONDS: i64 = 60;

/// The assertion for the token endpoint, signed with the key in `pem`, which also contains the
/// certificate. Header and claims are those of Microsoft's page "Certificate credentials" of 2025
/// (learn.microsoft.com/entra/identity-platform/certificate-credentials): PS256, which is RSA with
/// PSS padding, SHA-256 and a salt of 32 bytes, and the SHA-256 thumbprint of the certificate's DER.
/// `place` is where `pem` comes from, for the error.
///
/// # Errors
/// [`FetchError::Authentication`] if the certificate or the key is missing or of no use.
pub(super) fn signed(
    pem: &SecretString,
    place: &str,
    client_id: &str,
    endpoint: &Url,
) -> Result<String, FetchError> {
    let wrong = |hint: &str| missing(place, hint);
    let bytes = pem.expose_secret().as_bytes();
    let certificate = CertificateDer::from_pem_slice(bytes)
        .map_err(|_| wrong("put the certificate (`BEGIN CERTIFICATE`) into the file"))?;
    let key = key_in(bytes).map_err(|hint| wrong(&hint))?;
    let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, certificate.as_ref()));
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp();
    let header = serde_json::json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
    let begins = now - DATED_BACK_SECONDS;
    let claims = serde_json::json!({
        "aud": endpoint.as_str(), "iss": client_id, "sub": client_id, "jti": guid(),
        "nbf": begins, "iat": now, "exp": begins + GOOD_FOR_SECONDS,
    });
    let signing_input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    // An RSA signature is as long as the modulus of its key.
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &signature::RSA_PSS_SHA256,
        &rand::SystemRandom::new(),
        signing_input.as_bytes(),
        &mut signature,
    )
    .map_err(|_| wrong("the key cannot sign"))?;
    Ok(format!(
        "{signing_input}.{}",
        URL_SAFE_NO_PAD.encode(signature)
    ))
}

/// The RSA key in a PEM text.
///
/// # Errors
/// The reason why there is none that can be used, as advice for the operator.
pub(crate) fn key_in(pem: &[u8]) -> Result<signature::RsaKeyPair, String> {
    let key = match PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| "put the private key (`BEGIN PRIVATE KEY`) into the file")?
    {
        PrivateKeyDer::Pkcs8(key) => signature::RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => signature::RsaKeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err("the key must be RSA, in PKCS#8 or PKCS#1".to_owned()),
    };
    key.map_err(|error| {
        format!("the key cannot be used ({error}); it must be RSA with 2,048 bits or more")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn the_signature_is_of_the_key_and_the_claims_of_the_endpoint() {
        // A key made for tests alone.
        let key = include_str!("../../../tests/it/key.pem");
        let certificate = STANDARD.encode(b"bytes of a certificate");
        let pem = SecretString::from(format!(
            "{key}-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n"
        ));
        let endpoint = Url::parse("https://login.example/tenant/oauth2/token").expect("a constant");
        let assertion = signed(&pem, "here", "client", &endpoint).expect("a good key");
        let parts: Vec<&str> = assertion.split('.').collect();
        let part = |at: usize| URL_SAFE_NO_PAD.decode(parts[at]).expect("base64");
        let claims: serde_json::Value = serde_json::from_slice(&part(1)).expect("JSON");
        assert_eq!(
            (claims["aud"].as_str(), claims["iss"].as_str()),
            (Some(endpoint.as_str()), Some("client"))
        );
        let moment = |name: &str| claims[name].as_i64().expect("seconds");
        assert_eq!(moment("exp") - moment("nbf"), 600);
        assert!(moment("nbf") < moment("iat") && moment("iat") < moment("exp"));
        let names: Vec<&String> = claims.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"]);
        let header = String::from_utf8(part(0)).expect("UTF-8");
        let thumbprint =
            URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, b"bytes of a certificate"));
        assert_eq!(
            header,
            format!(r#"{{"alg":"PS256","typ":"JWT","x5t#S256":"{thumbprint}"}}"#)
        );
        let der = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let pair = signature::RsaKeyPair::from_der(der.secret_der()).expect("a key");
        let public = signature::UnparsedPublicKey::new(
            &signature::RSA_PSS_2048_8192_SHA256,
            pair.public().as_ref(),
        );
        public
            .verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &part(2))
            .expect("the signature holds");
        assert!(signed(&SecretString::from("nothing"), "here", "client", &endpoint).is_err());
    }
}
