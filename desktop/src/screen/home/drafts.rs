//! What was begun in chats that are not open any more.

use std::sync::Arc;

use iced::Task;
use privmsg_client::Recipient;

use super::conversation::{self, Conversation, Queued};
use super::{Home, Message};

impl Home {
    /// What was sent from a chat that is not open any more, or is again, is no draft there.
    pub(super) fn was_sent(&mut self, queued: &Queued) -> Task<Message> {
        let Some(text) = queued.text().map(str::to_owned) else { return Task::none() };
        if let Some(open) = self.open.as_mut().filter(|open| *open.with() == queued.with) {
            let number = self.opened;
            return open.was_sent(&text).map(move |message| Message::Conversation(number, message));
        }
        if let Some((with, draft)) = self.left.iter().rfind(|(whose, _)| *whose == queued.with).cloned() {
            let since = conversation::since(&text, &draft).unwrap_or(&draft).to_owned();
            return self.keeps(with, since);
        }
        let (client, with) = (self.session.client().clone(), queued.with.clone());
        let whose = with.clone();
        let kept = async move {
            let draft = client.draft(&with).await?.unwrap_or_default();
            match conversation::since(&text, &draft) {
                Some(since) => client.keep_draft(&with, since).await,
                None => Ok(()),
            }
        };
        let kept = async move { kept.await.map_err(Arc::new) };
        Task::perform(kept, move |kept| Message::Kept(whose.clone(), String::new(), kept))
    }

    /// Keeps the draft of a chat that is left.
    pub(super) fn keeps(&mut self, with: Recipient, text: String) -> Task<Message> {
        self.left.push((with.clone(), text.clone()));
        let (client, whose, draft) = (self.session.client().clone(), with.clone(), text.clone());
        let kept = async move { client.keep_draft(&whose, &draft).await.map_err(Arc::new) };
        Task::perform(kept, move |kept| Message::Kept(with.clone(), text.clone(), kept))
    }

    /// Whether something is on its way to the outbox.
    pub(crate) fn is_sending(&self) -> bool {
        self.open.as_ref().is_some_and(Conversation::is_sending)
    }

    /// Keeps what is written, before the window closes.
    pub(crate) fn closes(&self) -> Task<Message> {
        let number = self.opened;
        let kept = self.open.as_ref().map_or_else(Task::none, Conversation::keeps_the_draft);
        kept.map(move |message| Message::Conversation(number, message))
    }
}
