//! What the system says.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// More at once count as one.
const WAITING: usize = 8;

/// Listens for SIGTERM and SIGINT from now on.
pub fn termination() -> std::io::Result<mpsc::Receiver<&'static str>> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = term.recv() => "SIGTERM",
                _ = int.recv() => "SIGINT",
            };
            if sender.send(name).await.is_err() {
                break;
            }
        }
    });
    Ok(receiver)
}
