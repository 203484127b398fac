//! How far a server is on its way out.

/// The phases of a server's life, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Requests are answered.
    Serving,
    /// They still are, but the server is not ready: clients have the drain delay to go elsewhere, and each answer ends its
    /// connection.
    Leaving,
    /// Nothing new is taken: what is in flight is finished, idle connections are closed.
    Draining,
}
