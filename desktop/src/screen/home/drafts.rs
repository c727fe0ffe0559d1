//! What was begun in chats that are not open any more.

use std::sync::Arc;

use iced::Task;
use privmsg_client::Recipient;

use super::conversation::{self, Conversation, Picked, Queued};
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

    /// These were to go along in a chat that is not open any more.
    pub(super) fn keeps_files(&mut self, with: Recipient, mut files: Vec<Picked>) {
        files.extend(self.files_left_in(&with));
        if !files.is_empty() {
            self.left_files.push((with, files));
        }
    }

    /// Those, for whoever opens it.
    pub(super) fn files_left_in(&mut self, with: &Recipient) -> Vec<Picked> {
        let is_it = |(whose, _): &mut (Recipient, Vec<Picked>)| whose == with;
        self.left_files.extract_if(.., is_it).flat_map(|(_, files)| files).collect()
    }

    /// A chat is not open any more.
    pub(super) fn leaves(&mut self, mut left: Conversation) -> Option<Task<Message>> {
        let with = left.with().clone();
        self.keeps_files(with.clone(), left.leaves_files());
        left.draft().map(|text| self.keeps(with, text))
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
