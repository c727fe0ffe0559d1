//! What the window needs outside of itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use privmsg_media::Decoder;
use privmsg_media::sound::Sound;

use crate::notifications::Notifier;

/// See the module. Clones share it.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The folder where files are saved.
    pub downloads: Arc<Path>,
    /// Decodes what others have sent.
    pub decoder: Decoder,
    /// The microphone and the loudspeaker.
    pub sound: Arc<dyn Sound>,
    /// Tells somebody who does not look.
    pub notifier: Notifier,
    /// When the program has begun, if it is to say how long that has taken.
    pub traced_since: Option<Instant>,
}
