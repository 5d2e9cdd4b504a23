//! The owner of a state folder: the tenant, cloud and host whose data it holds. Another tenant's
//! fetch would take the folder's units for its own, and publish them.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files;
use crate::sources::failure::FetchError;
use crate::sources::identity::account::Account;

/// File of the owner in a state folder.
pub(super) const OWNER: &str = "identity.json";
/// Version of the state folder's format; raised when an older release could not read it any more.
const FORMAT: u32 = 1;
/// Host of every sandbox on this machine, whatever its port.
const SANDBOX: &str = "sandbox";

/// Tenant, cloud and host to which a state folder belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOwner {
    format: u32,
    /// Id or domain of the tenant, in lower case.
    tenant: String,
    /// Name of the cloud.
    cloud: String,
    /// Host of Partner Center, or `sandbox`.
    host: String,
}

/// The one member of the file that every format has.
#[derive(Deserialize)]
struct Formatted {
    format: u32,
}

impl fmt::Display for StateOwner {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tenant,
            cloud,
            host,
            ..
        } = self;
        write!(text, "tenant `{tenant}`, cloud `{cloud}`, host `{host}`")
    }
}

impl StateOwner {
    /// The owner of what an account fetches.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        let addresses = &account.addresses;
        let host = addresses.partner_center.host_str();
        Self {
            format: FORMAT,
            // Ids and domains are compared in any case.
            tenant: account.tenant.trim().to_ascii_lowercase(),
            cloud: addresses.cloud.name.to_owned(),
            host: match host {
                Some(host) if !addresses.is_sandbox() => host.to_owned(),
                _ => SANDBOX.to_owned(),
            },
        }
    }

    /// Id or domain of the tenant, in lower case.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// True if the data are those of a sandbox.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.host == SANDBOX
    }

    /// Checks that a state folder, if it has an owner, is this one's; returns whether it has one.
    ///
    /// # Errors
    /// [`FetchError::State`] if it is another's, [`FetchError::Storage`] if the file system refuses.
    pub(super) fn check(&self, folder: &Path) -> Result<bool, FetchError> {
        let path = folder.join(OWNER);
        let Some(bytes) = files::read_if_there(&path)? else {
            return Ok(false);
        };
        let wrong = |found: String, hint: &str| FetchError::State {
            what: format!("`{}`", path.display()),
            found,
            wanted: self.to_string(),
            hint: hint.to_owned(),
        };
        let again =
            "if the folder belongs to that tenant, remove the file: the next fetch writes it again";
        let formatted: Formatted = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("a damaged file ({error})"), again))?;
        if formatted.format != FORMAT {
            return Err(FetchError::State {
                what: format!("`{}`", path.display()),
                found: format!("a state folder of format {}", formatted.format),
                wanted: format!("format {FORMAT}"),
                hint: "use the release of tieout that wrote it".to_owned(),
            });
        }
        let owner: Self = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("a damaged file ({error})"), again))?;
        if owner == *self {
            return Ok(true);
        }
        Err(wrong(
            owner.to_string(),
            "give each tenant, cloud and host a `state` folder of its own, and an `out` folder, too; \
             a tenant is to be named alike each time, by its id or by its domain",
        ))
    }

    /// Writes the owner into a state folder.
    ///
    /// # Errors
    /// [`FetchError::Storage`] if the file system refuses.
    pub(super) fn write(&self, folder: &Path) -> Result<(), FetchError> {
        let text = serde_json::to_string(self).expect("three texts and a number are JSON");
        files::replace(&folder.join(OWNER), format!("{text}\n").as_bytes())
    }
}
