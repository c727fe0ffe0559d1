//! The account signing key, from one of the user's devices to another, in the conversation with oneself: a device that
//! stands in the list and has none asks, and who has it answers. Nothing is encrypted there for a device outside of the list.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use privmsg_e2ee::{SigningKey, SigningKeyWanted};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, account};
use tokio::time::Instant;

use super::{Due, Failure, Task, Work};
use crate::content;
use crate::engine::Link;
use crate::error::ClientError;
use crate::own_devices::learn;
use crate::own_devices::publish::signing_key;

/// How often a device asks that nobody has answered: the others may be away.
const EVERY: Duration = Duration::from_secs(10 * 60);

#[derive(Default)]
pub(super) struct PassSigningKey {
    /// After which lists it was asked on this connection, and when to ask again.
    asked: Arc<Mutex<Option<(i64, Instant)>>>,
}

impl Task for PassSigningKey {
    fn name(&self) -> TaskName {
        content::signing_key::TASK
    }

    fn due(&self, at: &Snapshot<'_>, link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let mut due = Due::default();
        if !link.has_compared() {
            return Ok(due);
        }
        if account::has_signing_key(at)? {
            return Ok(Due::now_if(content::signing_key::is_wanted(at)?, Scope::Device));
        }
        let news = learn::news(at)?;
        match *self.asked.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((asked, next)) if asked == news && next > Instant::now() => due.later(next),
            _ => due.now.push(Scope::Device),
        }
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        let asked = Arc::clone(&self.asked);
        Box::pin(async move {
            let news = pass(&link).await.map_err(|error| Failure::of(scope, error))?;
            *asked.lock().unwrap_or_else(PoisonError::into_inner) = Some((news, Instant::now() + EVERY));
            Ok(())
        })
    }
}

/// Answers who has asked, or asks. Returns how often there were other lists before.
async fn pass(link: &Link) -> Result<i64, ClientError> {
    let passed = link.context.step(&link.identity, |step| {
        let own = (&step.identity.user_id, &step.identity.device_id);
        let news = learn::news(step.tx)?;
        let Some(account) = account::load(step.tx)? else { return Ok(news) };
        let wanted = content::signing_key::take_wish(step.tx)?;
        let known = learn::known(step.tx, &account)?;
        let said = match signing_key(&account) {
            Ok(key) if wanted && !known.has_called_back(key.certificate()) => {
                content::signing_key::note_told(step.tx)?;
                content::compose(&SigningKey(key), step.now_ms)?
            }
            Err(ClientError::NoSigningKey) if known.devices().len() > 1 && learn::stands(&known, &account) => {
                content::compose(&SigningKeyWanted {}, step.now_ms)?
            }
            Ok(_) | Err(ClientError::NoSigningKey) => return Ok(news),
            Err(error) => return Err(error),
        };
        let chat = chats::ensure(step.tx, &ChatKind::SelfNotes, step.now_ms)?;
        content::say(step.tx, own, chat, &said, step.now_ms)?;
        Ok(news)
    });
    passed.await
}
