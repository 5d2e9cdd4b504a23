//! An ordinary partner's tenant: a second personality of the sandbox, written from Microsoft's
//! published pages and the facts in [`crate::model::domain`] alone, without a look at the fetchers
//! or at the other personality, so that its reading of the documents is independent of theirs.
//!
//! It needs no files: 40 customers and 230 invoices are made from a seed. The invoices of October
//! 2026 have a real month's figures, whose usage, lines and totals agree with Microsoft's rounding.
//! The tenant's day is a setting, so that the nights of a close can be played one after the other:
//! until the 5th there is no invoice of the period; on the 6th there are headers without data, on
//! the 7th lines, on the 8th usage, on the 10th the usage once more, with what came late.
//! Each module names only those above it.

mod chance;
mod exact;
mod json;

mod quirks;
mod settings;

mod bill;
mod books;
mod catalogue;
mod charges;
mod classic;
mod exports;
mod partner;
mod rated;
mod spelled;

mod access;
mod directory;
mod estimates;
mod front;
mod invoices;
mod limits;
mod line_items;
mod pace;
mod paging;
mod record;
mod refusals;
mod reports;
mod sheets;
mod storage;
mod utilization;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use self::books::Partner;
pub use self::books::PlantedVariance;
use self::front::Front;
pub use self::quirks::{QUIRKS, Quirks};
use self::record::Record;
pub use self::settings::OrdinarySettings;
use super::connection::{accept, receive, send};
use super::failure::SandboxError;

/// Seconds of the tenant for which a request that is never answered is held.
const SILENCE_SECONDS: u64 = 600;

/// Serves until the process ends. `ready` is called with the address as soon as it can be asked.
///
/// # Errors
/// [`SandboxError`] before the first request; afterwards a broken connection only ends itself.
pub fn serve(
    settings: OrdinarySettings,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), SandboxError> {
    let port = settings.port;
    let record = Record::create(settings.requests.as_deref()).map_err(|source| {
        let path = settings.requests.clone();
        SandboxError::Unwritable {
            path: path.map_or(std::path::PathBuf::new(), |path| path),
            source,
        }
    })?;
    let partner = Partner::new(settings);
    let front = |address| Front::new(partner, format!("http://{address}"), record);
    accept(port, front, ready, converse)
}

/// The variance that a tenant has in its invoices, if it has one.
#[must_use]
pub fn planted_variance(settings: &OrdinarySettings) -> Option<PlantedVariance> {
    Partner::new(settings.clone()).planted()
}

/// Answers the requests of one connection, one after the other.
async fn converse(mut stream: TcpStream, front: Arc<Front>) {
    // Without the option the responses are only slower.
    drop(stream.set_nodelay(true));
    let mut buffer = Vec::new();
    while let Some(request) = receive(&mut stream, &mut buffer).await {
        let Some(answer) = front.answer(&request) else {
            tokio::time::sleep(pace::scaled(&front.partner.settings, SILENCE_SECONDS)).await;
            break;
        };
        if !send(&mut stream, &answer, None).await {
            break;
        }
    }
}
