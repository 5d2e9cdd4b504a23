//! Microsoft's clouds as data: where tokens are issued, where the APIs are, and for which audience
//! a token is issued ([endpoints §1](crate::model::domain::endpoints)).

use reqwest::Url;

use super::origin::{is_loopback, shown};

/// Addresses of one cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Name of the cloud in a pipeline file.
    pub name: &'static str,
    /// Base address of Microsoft Entra ID, which issues the tokens.
    pub authority: &'static str,
    /// Base address of Partner Center.
    pub partner_center: &'static str,
    /// Audience of the tokens for Partner Center.
    pub audience: &'static str,
    /// Base address of Microsoft Graph with the v2 exports; `None` where the cloud has none.
    pub graph: Option<&'static str>,
    /// Base address of exchange rates and price sheets; `None` where the cloud has none.
    pub sheets: Option<&'static str>,
    /// Endings of the host names on which blobs may be, each with its leading dot.
    pub blob_hosts: &'static [&'static str],
}

/// All clouds. Germany is missing: it is closed.
pub const CLOUDS: &[Cloud] = &[
    Cloud {
        name: "global",
        authority: "https://login.microsoftonline.com",
        partner_center: "https://api.partnercenter.microsoft.com",
        audience: "https://api.partnercenter.microsoft.com",
        graph: Some("https://graph.microsoft.com"),
        sheets: Some("https://api.partner.microsoft.com"),
        blob_hosts: &[".blob.core.windows.net"],
    },
    Cloud {
        name: "us-government",
        authority: "https://login.microsoftonline.us",
        // Partner Center has no address of its own in this cloud.
        partner_center: "https://api.partnercenter.microsoft.com",
        audience: "https://api.partnercenter.microsoft.com",
        graph: None,
        sheets: None,
        blob_hosts: &[".blob.core.usgovcloudapi.net"],
    },
    Cloud {
        name: "21vianet",
        authority: "https://login.partner.microsoftonline.cn",
        partner_center: "https://partner.partnercenterapi.microsoftonline.cn",
        audience: "https://partner.partnercenterapi.microsoftonline.cn",
        // The exports exist in the global cloud only.
        graph: None,
        sheets: None,
        blob_hosts: &[".blob.core.chinacloudapi.cn"],
    },
];

/// Audience of the tokens for Graph.
pub const GRAPH_AUDIENCE: &str = "https://graph.microsoft.com";

/// Audience of the tokens for exchange rates and price sheets, where a pipeline file names none: their
/// host, as for the other APIs. Microsoft's page on it could not be read.
pub const SHEETS_AUDIENCE: &str = "https://api.partner.microsoft.com";

/// The cloud with that name in a pipeline file.
#[must_use]
pub fn named(name: &str) -> Option<&'static Cloud> {
    CLOUDS.iter().find(|cloud| cloud.name == name)
}

/// The addresses of a run: those of a cloud, or of a sandbox that plays all of its hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The cloud, also where a sandbox plays it.
    pub cloud: &'static Cloud,
    /// Base address of the token endpoints.
    pub authority: Url,
    /// Base address of Partner Center.
    pub partner_center: Url,
    /// Base address of Microsoft Graph; `None` where the cloud has none.
    pub graph: Option<Url>,
    /// Base address of exchange rates and price sheets; `None` where the cloud has none.
    pub sheets: Option<Url>,
}

impl Addresses {
    /// The addresses of `cloud`, or of a sandbox on this machine.
    ///
    /// # Errors
    /// The reason why the sandbox's address cannot be used, in words.
    pub fn of(cloud: &'static Cloud, sandbox: Option<&str>) -> Result<Self, String> {
        let url = |text: &str| {
            Url::parse(text).map_err(|error| format!("`{text}`, which is not an address: {error}"))
        };
        let Some(sandbox) = sandbox else {
            let graph = cloud.graph.map(url).transpose()?;
            return Ok(Self {
                cloud,
                authority: url(cloud.authority)?,
                partner_center: url(cloud.partner_center)?,
                graph,
                sheets: cloud.sheets.map(url).transpose()?,
            });
        };
        let base = url(sandbox)?;
        // Secrets are sent there over plain HTTP: never leave the machine with them.
        if !is_loopback(&base) {
            return Err(format!("`{}`, which is not on this machine", shown(&base)));
        }
        let graph = cloud.graph.map(|_| base.clone());
        Ok(Self {
            cloud,
            authority: base.clone(),
            partner_center: base.clone(),
            graph,
            sheets: cloud.sheets.map(|_| base),
        })
    }

    /// True if these are the addresses of a sandbox.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        is_loopback(&self.partner_center)
    }
}
