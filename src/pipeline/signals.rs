//! SIGINT and SIGTERM: the first one ends the work at its next step, and nothing is published; the
//! second one ends the process at once. SIGXFSZ, which would end it in a write, is taken and
//! forgotten.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::sources::failure::FetchError;

/// Number of the first signal that came, 0 before any. A static, as signals reach a whole process.
static FIRST_SIGNAL: AtomicU8 = AtomicU8::new(0);

/// True once a thread listens: several runs in one process, as in tests, share that thread.
static IS_LISTENING: Mutex<bool> = Mutex::new(false);

/// Time between two looks of a fetch at [`FIRST_SIGNAL`], which bounds how late it stops.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Proof that the process listens for signals, and the way to ask whether one came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interrupt(());

impl Interrupt {
    /// Begins to listen, unless the process listens already.
    ///
    /// # Errors
    /// [`FetchError::Start`].
    pub(super) fn listen() -> Result<Self, FetchError> {
        let mut is_listening = IS_LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_listening {
            on_signals(|signal| {
                if FIRST_SIGNAL.swap(signal, Ordering::SeqCst) != 0 {
                    std::process::exit(128 + i32::from(signal));
                }
            })?;
            *is_listening = true;
        }
        Ok(Self(()))
    }

    /// Fails once a signal came; called between the steps of a run.
    ///
    /// # Errors
    /// [`FetchError::Interrupted`].
    pub(super) fn check(self) -> Result<(), FetchError> {
        match FIRST_SIGNAL.load(Ordering::SeqCst) {
            0 => Ok(()),
            signal => Err(FetchError::Interrupted { signal }),
        }
    }

    /// Waits for the first signal, on the network's runtime; returns its number.
    pub(super) async fn wait(self) -> u8 {
        // Polled, not notified: the listening thread has a runtime of its own, which must work even
        // while no fetch runs.
        loop {
            match FIRST_SIGNAL.load(Ordering::SeqCst) {
                0 => tokio::time::sleep(POLL_INTERVAL).await,
                signal => return signal,
            }
        }
    }
}

/// Runtime in which signals are listened for.
#[cfg(unix)]
fn listener() -> Result<tokio::runtime::Runtime, FetchError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().map_err(not_listening)
}

#[cfg(unix)]
fn not_listening(source: std::io::Error) -> FetchError {
    FetchError::Start {
        what: "listening for signals",
        source: source.into(),
    }
}

/// Number of SIGXFSZ, on all systems that tieout is built for.
#[cfg(unix)]
const FILE_TOO_LARGE: i32 = 25;

/// Lets a write beyond the limit on the size of files (`ulimit -f`) fail with an error, as on a full
/// disk: by default SIGXFSZ would end the process.
///
/// # Errors
/// [`FetchError::Start`].
#[cfg(unix)]
pub fn survive_file_limit() -> Result<(), FetchError> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = listener()?;
    let _guard = runtime.enter();
    // The handler stays when its listener is gone: the signal then does nothing at all.
    signal(SignalKind::from_raw(FILE_TOO_LARGE))
        .map(drop)
        .map_err(not_listening)
}

/// Does nothing: other systems have no such signal.
#[cfg(not(unix))]
pub fn survive_file_limit() -> Result<(), FetchError> {
    Ok(())
}

/// Calls `tell` with the number of each SIGINT (2) and SIGTERM (15), on a thread of its own.
///
/// # Errors
/// [`FetchError::Start`].
#[cfg(unix)]
fn on_signals(mut tell: impl FnMut(u8) + Send + 'static) -> Result<(), FetchError> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = listener()?;
    let (mut interrupted, mut terminated) = {
        let _guard = runtime.enter();
        (
            signal(SignalKind::interrupt()).map_err(not_listening)?,
            signal(SignalKind::terminate()).map_err(not_listening)?,
        )
    };
    let listen = move || {
        runtime.block_on(async move {
            loop {
                tokio::select! {
                    _ = interrupted.recv() => tell(2),
                    _ = terminated.recv() => tell(15),
                }
            }
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map(drop)
        .map_err(not_listening)
}

/// Does nothing: on other systems the default holds, and the first signal ends the process at once.
#[cfg(not(unix))]
fn on_signals(_: impl FnMut(u8) + Send + 'static) -> Result<(), FetchError> {
    Ok(())
}
