//! A local server that speaks the Partner Center, Graph export and blob protocols over a `synth`
//! folder, on one loopback port. Microsoft's own sandbox holds no billing data: here a close can be
//! rehearsed, and here the fetchers are tested, faults included.
//!
//! It is deliberately no copy of Microsoft's service: it knows the endpoints that tieout asks, and
//! gives no answer that is not in its folder.

mod data;
mod exports;
pub mod faults;
mod http;
mod pages;
mod routes;
mod tokens;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use self::data::Data;
use self::faults::Faults;
use self::routes::Tenant;

/// What to serve.
#[derive(Debug)]
pub struct Settings {
    /// A folder that `tieout synth` wrote, with the formats `v1` and `v2`.
    pub data: PathBuf,
    /// Port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// What goes wrong.
    pub faults: Faults,
    /// How long a token is good, in seconds.
    pub token_seconds: u64,
    /// How long a blob's signature is good, in seconds.
    pub sas_seconds: u64,
    /// How often an export says `running` before it is done.
    pub polls: u32,
    /// The only secret, assertion or refresh token that is taken; `None` takes any.
    pub secret: Option<String>,
    /// Where a foreign link leads; `None` for a host that does not exist.
    pub foreign: Option<String>,
    /// Stands before each answer, in milliseconds: a network's latency.
    pub latency_ms: u64,
}

/// Why the sandbox does not serve.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The folder does not hold what is to be served.
    #[error("`{}`: found {found}, wanted a folder written by `tieout synth --formats v1,v2`", .path.display())]
    NoData {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// A file cannot be read.
    #[error("Cannot read `{}`", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The port is taken, or no runtime could be started.
    #[error("Cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Serves until the process ends. `ready` is told the address, once it can be asked.
///
/// # Errors
/// [`SandboxError`] before the first request; a broken connection is none.
pub fn serve(settings: Settings, ready: impl FnOnce(SocketAddr)) -> Result<(), SandboxError> {
    let data = Data::load(&settings.data)?;
    if settings.faults.kinds.contains(&faults::Fault::GzipBomb) {
        // Not while somebody waits for it.
        exports::bomb();
    }
    let port = settings.port;
    let listening = |source| SandboxError::Listen { port, source };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(listening)?;
    runtime.block_on(async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let latency = Duration::from_millis(settings.latency_ms);
        let tenant = Arc::new(Tenant::new(data, settings, format!("http://{address}")));
        ready(address);
        loop {
            // A connection that cannot be accepted is the client's loss.
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            tokio::spawn(http::converse(stream, Arc::clone(&tenant), latency));
        }
    })
}
