//! What verdicts are made with.

use crate::objects::Object;
use crate::place::ObjectRef;
use crate::policy::Policy;
use crate::world::World;
use jiff::civil::Date;
use std::future::Future;
use std::pin::Pin;

/// A world and the policy that it is reviewed under; replaced whole.
#[derive(Debug)]
pub struct Judge {
    /// The last state of the cluster that was read.
    pub world: World,
    /// The policy that was in force then.
    pub policy: Policy,
}

/// Objects as they are now; `None` for one that does not exist.
pub type Live = Vec<(ObjectRef, Option<Object>)>;

/// Reads objects live; why it could not is one sentence without its full stop.
pub type Reread =
    Box<dyn Fn(Vec<ObjectRef>) -> Pin<Box<dyn Future<Output = Result<Live, String>> + Send>> + Send + Sync>;

/// Today in UTC.
pub fn today() -> Date {
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date()
}
