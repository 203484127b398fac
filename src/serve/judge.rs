//! What verdicts are made with.

use crate::finding::Level;
use crate::objects::Object;
use crate::place::ObjectRef;
use crate::policy::Policy;
use crate::review::review;
use crate::world::World;
use jiff::civil::Date;
use std::collections::BTreeMap;
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

impl Judge {
    /// How many findings there are, by rule and level, with nothing being written.
    pub fn findings(&self, today: Date) -> BTreeMap<(&'static str, Level), u64> {
        let mut counts = BTreeMap::new();
        for finding in review(&self.world, &self.policy, today).findings {
            *counts.entry((finding.rule, finding.level)).or_default() += 1;
        }
        counts
    }
}

/// Today in UTC.
pub fn today() -> Date {
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date()
}
