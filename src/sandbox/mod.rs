//! A local server that speaks the protocols of Partner Center, Graph exports and blob storage over
//! a folder of `synth`, on one loopback port. Microsoft's own sandbox contains no billing data:
//! here a month-end close can be rehearsed, and here the fetchers are tested, faults included.
//!
//! It deliberately is no copy of Microsoft's service: it knows the endpoints that tieout asks, and
//! gives no answer that is not in its folder. Each module names only those above it.

mod failure;

pub mod faults;

mod settings;

mod on_day;

mod data;

mod message;

mod tenant;

mod tokens;

mod blobs;

mod blob_sources;

mod exports;

mod listing;

mod pages;

mod sheets;

mod routes;

mod connection;

pub mod ordinary;

use std::net::SocketAddr;
use std::time::Duration;

use self::data::Data;
pub use self::failure::SandboxError;
use self::faults::Fault;
use self::routes::Service;
pub use self::settings::Settings;
use self::tenant::Tenant;

/// Serves until the process ends. `ready` is called with the address as soon as it can be asked.
///
/// # Errors
/// [`SandboxError`] before the first request; afterwards a broken connection only ends itself.
pub fn serve(settings: Settings, ready: impl FnOnce(SocketAddr)) -> Result<(), SandboxError> {
    let data = Data::load(&settings.data, settings.as_of)?;
    if settings.faults.kinds.contains(&Fault::GzipBomb) {
        // It takes a second to make: not while a client waits for it.
        blobs::bomb();
    }
    let port = settings.port;
    let latency = Duration::from_millis(settings.latency_ms);
    let service = |address| {
        Service::new(Tenant {
            data,
            settings,
            origin: format!("http://{address}"),
        })
    };
    connection::accept(port, service, ready, move |stream, service| {
        connection::converse(stream, service, latency)
    })
}
