//! SIGINT and SIGTERM: at the first, work ends at the next step and nothing is published; at the
//! second, the process ends at once.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::sources::failure::FetchError;

/// The number of the first signal that came; one for the process, as signals are.
static CAME: AtomicU8 = AtomicU8::new(0);
static LISTENING: Mutex<bool> = Mutex::new(false);

/// Listens for signals, for as long as the process lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interrupt(());

/// How soon a fetch notices.
const STEP: Duration = Duration::from_millis(50);

impl Interrupt {
    /// Begins to listen, the first time.
    ///
    /// # Errors
    /// [`FetchError::Start`].
    pub(super) fn listen() -> Result<Self, FetchError> {
        let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        if !*listening {
            super::run::on_signals(|signal| {
                if CAME.swap(signal, Ordering::SeqCst) != 0 {
                    std::process::exit(128 + i32::from(signal));
                }
            })?;
            *listening = true;
        }
        Ok(Self(()))
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`FetchError::Interrupted`].
    pub(super) fn check(self) -> Result<(), FetchError> {
        match CAME.load(Ordering::SeqCst) {
            0 => Ok(()),
            signal => Err(FetchError::Interrupted { signal }),
        }
    }

    /// The number of a signal, once there is one.
    pub(super) async fn wait(self) -> u8 {
        loop {
            match CAME.load(Ordering::SeqCst) {
                0 => super::run::pause(STEP).await,
                signal => return signal,
            }
        }
    }
}
