//! What the window needs outside of itself.

use std::path::Path;
use std::sync::Arc;

use privmsg_media::Pictures;

use crate::notifications::Notifier;

/// See the module. Clones share it.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The folder where files are saved.
    pub downloads: Arc<Path>,
    /// Decodes pictures.
    pub pictures: Pictures,
    /// Tells somebody who does not look.
    pub notifier: Notifier,
}
