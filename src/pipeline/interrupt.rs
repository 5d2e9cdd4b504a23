//! SIGINT and SIGTERM: at the first, work ends at the next step and nothing is published; at the
//! second, the process ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::sources::failure::FetchError;

/// Listens for signals, for as long as the process lives.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicU8>);

/// How soon a fetch notices.
const STEP: Duration = Duration::from_millis(50);

impl Interrupt {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`FetchError::Start`].
    pub(super) fn listen() -> Result<Self, FetchError> {
        let came = Arc::new(AtomicU8::new(0));
        let noted = Arc::clone(&came);
        super::run::on_signals(move |signal| {
            if noted.swap(signal, Ordering::SeqCst) != 0 {
                std::process::exit(128 + i32::from(signal));
            }
        })?;
        Ok(Self(came))
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`FetchError::Interrupted`].
    pub(super) fn check(&self) -> Result<(), FetchError> {
        match self.0.load(Ordering::SeqCst) {
            0 => Ok(()),
            signal => Err(FetchError::Interrupted { signal }),
        }
    }

    /// The number of a signal, once there is one.
    pub(super) async fn wait(&self) -> u8 {
        loop {
            match self.0.load(Ordering::SeqCst) {
                0 => super::run::pause(STEP).await,
                signal => return signal,
            }
        }
    }
}
