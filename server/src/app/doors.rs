//! How many of what there may be at the same time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::checks::Checks;
use crate::config::Limits;
use crate::files::{Appending, Transfers};
use crate::http::PerAddress;

/// Bodies of more than a megabyte that are held in memory at the same time; by the default limits each has at most
/// 17 MB.
const LARGE_BODIES: usize = 8;

/// Large answers that are in memory until they are read, in all and of one user: of at most 8 MB by the default limits.
const ANSWERS: u32 = 8;
const ANSWERS_OF_ONE: u32 = 2;

/// Answers of any size that are being put together, which is quick, whoever is to read them.
const MAKING: usize = 4;

/// See the module.
pub(crate) struct Doors {
    /// Connections that are open.
    pub(crate) connections: Arc<PerAddress>,
    /// WebSockets that have not said yet who they are.
    pub(crate) unauthenticated: Arc<PerAddress>,
    /// Large bodies that are in memory.
    pub(crate) large_bodies: Semaphore,
    /// Groups and commits that are being checked.
    pub(crate) checks: Checks,
    /// Answers that may become large and are being put together.
    pub(crate) making: Semaphore,
    /// Large answers that are being written.
    pub(crate) answers: Transfers,
    /// Uploads and downloads under way.
    pub(crate) transfers: Transfers,
    /// Resumable uploads that are being added to.
    pub(crate) appending: Appending,
}

impl Doors {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            connections: PerAddress::new(limits.max_connections_per_address),
            unauthenticated: PerAddress::new(limits.max_unauthenticated_per_address),
            large_bodies: Semaphore::new(LARGE_BODIES),
            checks: Checks::new(),
            making: Semaphore::new(MAKING),
            answers: Transfers::new(ANSWERS, ANSWERS_OF_ONE),
            transfers: Transfers::new(limits.max_transfers, limits.max_transfers_per_user),
            appending: Appending::default(),
        }
    }
}
