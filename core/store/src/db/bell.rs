//! Telling other processes that something was committed, and hearing it from them.
//!
//! Beside the database lies a file that means nothing but "look": whoever commits writes a byte to it, and the system
//! (inotify, kqueue, ReadDirectoryChangesW) wakes whoever watches it. Nobody looks at a clock, so a client with nothing
//! to do costs nothing. What was committed stands in the [log](super::log).
//!
//! All profiles of a process share one watch of the system's: those are counted for each user, and there are few.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use rusqlite::Connection;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::changes::Feed;
use super::{log, readers};
use crate::error::StoreError;
use crate::key::private_file;

/// Written to after each commit.
const BELL_FILE: &str = "changes.bell";

/// Where the system has no way, or no more room, to say that a file has changed, its time stamp is looked at this often.
const POLL: Duration = Duration::from_secs(1);

/// The bell, for who rings it.
pub(super) struct Bell(File);

impl Bell {
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        Ok(Self(private_file::open(&dir.join(BELL_FILE)).map_err(StoreError::Bell)?))
    }

    /// A bell that cannot be rung must not undo what is committed: the others hear of it at the next one.
    pub(super) fn ring(&mut self) {
        if let Err(error) = self.0.rewind().and_then(|()| self.0.write_all(b"\n")) {
            tracing::debug!(%error, "other processes were not told of a change");
        }
    }
}

/// Hears the bell for one open database. Stops when dropped.
pub(super) struct Listener {
    bell: PathBuf,
    ear: Arc<Ear>,
}

/// Reads what others have noted and tells this process's front-ends and engine.
struct Ear {
    own: i64,
    seen: Arc<Mutex<i64>>,
    /// A look is under way that has not begun to read.
    pending: Arc<AtomicBool>,
    readers: mpsc::WeakSender<readers::Job>,
    feed: Feed,
}

impl Listener {
    /// Listens from entry `seen` of the log on. The bell must be there already.
    pub(super) fn start(
        dir: &Path,
        own: i64,
        seen: i64,
        readers: mpsc::WeakSender<readers::Job>,
        feed: Feed,
    ) -> Result<Self, StoreError> {
        let bell = dir.canonicalize().map_err(StoreError::Bell)?.join(BELL_FILE);
        let (seen, pending) = (Arc::new(Mutex::new(seen)), Arc::default());
        let ear = Arc::new(Ear { own, seen, pending, readers, feed });
        listen(&bell, &ear);
        // What came between reading `seen` and listening.
        ear.look(|sender, job| sender.try_send(job).map_err(TrySendError::into_inner).is_ok());
        Ok(Self { bell, ear })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        stop_listening(&self.bell, &self.ear);
    }
}

impl Ear {
    fn look(&self, send: impl FnOnce(&mpsc::Sender<readers::Job>, readers::Job) -> bool) {
        if self.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(readers) = self.readers.upgrade() else { return };
        let (own, seen, pending, feed) =
            (self.own, Arc::clone(&self.seen), Arc::clone(&self.pending), self.feed.clone());
        let job = Box::new(move |connection: &mut Connection| {
            let mut seen = lock(&seen);
            // From here on, a ring may be about something that is not read now.
            pending.store(false, Ordering::Release);
            match log::read_on(connection, own, &mut seen) {
                Ok(changes) => changes.into_iter().for_each(|changes| feed.publish(changes)),
                Err(error) => tracing::warn!(%error, "changes of another process cannot be read"),
            }
        });
        if !send(&readers, job) {
            self.pending.store(false, Ordering::Release);
        }
    }
}

/// Who listens to which bell, in this process. The system's thread looks here.
static EARS: Mutex<Option<HashMap<PathBuf, Vec<Arc<Ear>>>>> = Mutex::new(None);

/// What watches the bells. Never locked by the system's thread, which [`Watcher::unwatch`] waits for.
static WATCHER: Mutex<Option<Box<dyn Watcher + Send>>> = Mutex::new(None);

fn listen(bell: &Path, ear: &Arc<Ear>) {
    let mut watcher = lock(&WATCHER);
    let first = {
        let mut ears = lock(&EARS);
        let ears = ears.get_or_insert_default().entry(bell.to_owned()).or_default();
        ears.push(Arc::clone(ear));
        ears.len() == 1
    };
    if watcher.is_none() {
        *watcher = new_watcher();
    }
    let watched = match watcher.as_mut() {
        Some(watcher) if first => watcher.watch(bell, RecursiveMode::NonRecursive),
        _ => Ok(()),
    };
    // The system may have no more room: what it watches for one user is counted.
    if let Err(error) = watched {
        tracing::warn!(%error, "a profile cannot be watched; other processes are noticed late");
        *watcher = poll_all();
    }
}

/// Looks at the bells' time stamps, all of them.
fn poll_all() -> Option<Box<dyn Watcher + Send>> {
    let bells: Vec<_> = lock(&EARS).as_ref().map(|ears| ears.keys().cloned().collect()).unwrap_or_default();
    let mut watcher = poller()?;
    for bell in bells {
        // One that is not there is of a profile that was deleted.
        let _ = watcher.watch(&bell, RecursiveMode::NonRecursive);
    }
    Some(watcher)
}

fn poller() -> Option<Box<dyn Watcher + Send>> {
    let config = Config::default().with_poll_interval(POLL);
    PollWatcher::new(heard, config).ok().map(|watcher| Box::new(watcher) as Box<dyn Watcher + Send>)
}

fn stop_listening(bell: &Path, ear: &Arc<Ear>) {
    let mut watcher = lock(&WATCHER);
    let last = {
        let mut ears = lock(&EARS);
        let Some(all) = ears.as_mut() else { return };
        let Some(ears) = all.get_mut(bell) else { return };
        ears.retain(|known| !Arc::ptr_eq(known, ear));
        let last = ears.is_empty();
        if last {
            all.remove(bell);
        }
        last
    };
    if last && let Some(watcher) = watcher.as_mut() {
        // It fails where the profile was deleted meanwhile.
        let _ = watcher.unwatch(bell);
    }
}

/// Called by the system's thread.
fn heard(event: notify::Result<Event>) {
    let Ok(event) = event else { return };
    // The system has said more than could be listened to: any of them may have rung.
    let all = event.need_rescan();
    if !all && !matches!(event.kind, EventKind::Modify(_)) {
        return;
    }
    let ears: Vec<_> = {
        let ears = lock(&EARS);
        let Some(ears) = ears.as_ref() else { return };
        if all {
            ears.values().flatten().cloned().collect()
        } else {
            event.paths.iter().filter_map(|path| ears.get(path)).flatten().cloned().collect()
        }
    };
    for ear in ears {
        ear.look(|sender, job| sender.blocking_send(job).is_ok());
    }
}

fn new_watcher() -> Option<Box<dyn Watcher + Send>> {
    match RecommendedWatcher::new(heard, Config::default()) {
        Ok(watcher) => Some(Box::new(watcher)),
        Err(error) => {
            tracing::warn!(%error, "the system does not watch files; other processes are noticed late");
            poller()
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
