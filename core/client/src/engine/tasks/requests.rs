//! What the user has said to requests: the server is told, and says what it knows, after connecting and whenever there is news of
//! the account.

use std::sync::Arc;

use privmsg_protocol::ErrorCode;
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, StoreError, TaskName, account, blocks, consent, groups, lags};

use super::asked::Asked;
use super::{Due, Failure, Task, Work};
use crate::content::decisions;
use crate::context::Context;
use crate::engine::Link;
use crate::error::ClientError;
use crate::group::asking;
use crate::own_devices::learn;

#[derive(Default)]
pub(super) struct Requests {
    asked: Asked,
}

impl Task for Requests {
    fn name(&self) -> TaskName {
        consent::TASK
    }

    fn due(&self, at: &Snapshot<'_>, link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        if !consent::untold(at)?.is_empty() || (link.has_compared() && has_to_ask_the_others(at)?) {
            return Ok(Due::now(Scope::Profile));
        }
        self.asked.due(at, Scope::Profile)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        let asked = self.asked.clone();
        Box::pin(async move {
            let news = settle(&link).await.map_err(|error| Failure::of(scope, error))?;
            asked.after(news);
            Ok(())
        })
    }
}

/// Once the account's device list is known.
fn has_to_ask_the_others(at: &Snapshot<'_>) -> Result<bool, ClientError> {
    if !decisions::has_to_ask(at)? {
        return Ok(false);
    }
    let Some(account) = account::load(at)? else { return Ok(false) };
    Ok(learn::stands(&learn::known(at, &account)?, &account))
}

async fn settle(link: &Link) -> Result<i64, ClientError> {
    let (store, identity, now) = (&link.context.store, Arc::clone(&link.identity), link.context.clock.now_ms());
    if link.has_compared() && store.read(has_to_ask_the_others).await? {
        let ask = move |tx: &privmsg_store::Tx<'_>| decisions::ask(tx, (&identity.user_id, &identity.device_id), now);
        store.write(ask).await?;
    }
    for (chat, open) in store.read(consent::untold).await? {
        tell(&link.context, chat, open).await?;
    }
    // What comes while the server answers may be newer than the answer.
    let news = store.read(blocks::news).await?;
    let said = link.context.api.requests().await?;
    let own = Arc::clone(&link.identity);
    store.write(move |tx| asking::note_unanswered(tx, own.person(), &said.unanswered)).await?;
    Ok(news)
}

/// Tells the server what was decided about a chat. Groups of people are left, not declined.
pub(crate) async fn tell(context: &Context, chat: ChatId, open: bool) -> Result<(), ClientError> {
    let look = move |at: &Snapshot<'_>| {
        let is_told_so = open || matches!(chats::load(at, chat)?.kind, ChatKind::Direct { .. });
        let carrying = groups::of_chat(at, chat)?.map(|group| group.group_id);
        let carrying = carrying.map_or_else(|| lags::of_chat(at, chat), |id| Ok(Some(id)))?;
        Ok::<_, StoreError>((carrying, is_told_so))
    };
    // Without a group it is told once there is one.
    let (Some(id), is_told_so) = context.store.read(look).await? else { return Ok(()) };
    if is_told_so {
        let told = if open { context.api.accept(&id).await } else { context.api.decline(&id).await };
        match told {
            Ok(()) => {}
            // It knows no such conversation (any more); what it says next shows whether there is another.
            Err(error) if error.is(&ErrorCode::UnknownGroup) || error.is(&ErrorCode::NotAMember) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(context.store.write(move |tx| consent::set_told(tx, chat, open)).await?)
}
