//! Microsoft's clouds as data: where tokens are issued, where the APIs are, and for whom a token is
//! made (`endpoints.md` §1).

use reqwest::Url;

/// One cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Name in a pipeline.
    pub name: &'static str,
    /// Where tokens are issued.
    pub authority: &'static str,
    /// Partner Center.
    pub partner_center: &'static str,
    /// For whom its tokens are made.
    pub audience: &'static str,
    /// Microsoft Graph with the v2 exports; `None` where it has none.
    pub graph: Option<&'static str>,
    /// Ends of the hosts on which blobs may lie.
    pub blob_hosts: &'static [&'static str],
}

/// All clouds. Germany is closed.
pub const CLOUDS: &[Cloud] = &[
    Cloud {
        name: "global",
        authority: "https://login.microsoftonline.com",
        partner_center: "https://api.partnercenter.microsoft.com",
        audience: "https://api.partnercenter.microsoft.com",
        graph: Some("https://graph.microsoft.com"),
        blob_hosts: &[".blob.core.windows.net"],
    },
    Cloud {
        name: "us-government",
        authority: "https://login.microsoftonline.us",
        partner_center: "https://api.partnercenter.microsoft.com",
        audience: "https://api.partnercenter.microsoft.com",
        graph: None,
        blob_hosts: &[".blob.core.usgovcloudapi.net"],
    },
    Cloud {
        name: "21vianet",
        authority: "https://login.partner.microsoftonline.cn",
        partner_center: "https://partner.partnercenterapi.microsoftonline.cn",
        audience: "https://partner.partnercenterapi.microsoftonline.cn",
        graph: None,
        blob_hosts: &[".blob.core.chinacloudapi.cn"],
    },
];

/// Audience of Graph's tokens.
pub const GRAPH_AUDIENCE: &str = "https://graph.microsoft.com";

/// The cloud of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Cloud> {
    CLOUDS.iter().find(|cloud| cloud.name == name)
}

/// The addresses of a run: those of a cloud, or of a sandbox that plays all of its hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The cloud.
    pub cloud: &'static Cloud,
    /// Where tokens are issued.
    pub authority: Url,
    /// Partner Center.
    pub partner_center: Url,
    /// Microsoft Graph; `None` where the cloud has none.
    pub graph: Option<Url>,
}

impl Addresses {
    /// The addresses of `cloud`, or of a sandbox on this machine.
    ///
    /// # Errors
    /// What is wrong with the sandbox's address, in words.
    pub fn of(cloud: &'static Cloud, sandbox: Option<&str>) -> Result<Self, String> {
        let url = |text: &str| {
            Url::parse(text).map_err(|error| format!("`{text}`, which is no address: {error}"))
        };
        let Some(sandbox) = sandbox else {
            let graph = cloud.graph.map(url).transpose()?;
            return Ok(Self {
                cloud,
                authority: url(cloud.authority)?,
                partner_center: url(cloud.partner_center)?,
                graph,
            });
        };
        let base = url(sandbox)?;
        if !super::origin::is_loopback(&base) {
            return Err(format!(
                "`{}`, which is not on this machine",
                super::origin::shown(&base)
            ));
        }
        let graph = cloud.graph.map(|_| base.clone());
        Ok(Self {
            cloud,
            authority: base.clone(),
            partner_center: base,
            graph,
        })
    }

    /// Whether a sandbox is meant.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        super::origin::is_loopback(&self.partner_center)
    }
}
