//! Groups of people.

mod anew;
mod attacks;
mod away;
mod changes;
mod devices;
mod life;
mod namesakes;
mod newcomers;
mod requests;
mod restored;
mod told;

use anyhow::{Context as _, Result};
use privmsg_client::{
    Acknowledged, ChatId, Draft, GroupNews, HistoryItem, MessageKind, MessageView, Recipient, Role, Sent,
};
use privmsg_protocol::{ConversationId, UserId};
use privmsg_testkit::Person;
use privmsg_testkit::wait::{PATIENCE, until};

/// A group, wherever it is looked at.
#[derive(Clone, Copy)]
struct Room(ConversationId);

fn names(people: &[&Person]) -> Vec<UserId> {
    people.iter().map(|person| person.account().user_id.clone()).collect()
}

impl Room {
    /// Made by the first one, with the others in it, which all of them know.
    async fn founded(founder: &Person, title: &str, others: &[&Person]) -> Result<Self> {
        let chat = founder.client().create_group(title, &names(others)).await?;
        tokio::time::timeout(PATIENCE, founder.client().wait_group_made(chat)).await.context("the group is made")??;
        let room = Self(founder.client().group(chat).await?.conversation);
        for other in others {
            room.is_called(other, title).await?;
        }
        Ok(room)
    }

    fn recipient(self) -> Recipient {
        Recipient::Group(self.0)
    }

    /// Its chat there, once there is one.
    async fn chat(self, who: &Person) -> Result<ChatId> {
        let to = self.recipient();
        let what = format!("{} has the group's chat", who.account().user_id);
        until(&what, PATIENCE, || async { Ok(who.client().chat_with(&to).await?) }).await
    }

    async fn says(self, who: &Person, text: &str) -> Result<Sent> {
        self.chat(who).await?;
        Ok(who.client().send(&self.recipient(), Draft::text(text)).await?)
    }

    /// To those who are there when it goes out, whoever has come since it was written.
    async fn insists(self, who: &Person, text: &str) -> Result<()> {
        let said = self.says(who, text).await?;
        while let Acknowledged::Held(_) = who.client().wait_acknowledged(&said.said()).await? {
            let held = who.client().held_messages(&self.recipient()).await?;
            who.client().send_held(&self.recipient(), &held).await?;
        }
        who.delivered(&said).await
    }

    async fn messages(self, who: &Person) -> Result<Vec<MessageView>> {
        let items = who.client().history(&self.recipient(), 10_000).await?;
        Ok(items.iter().filter_map(HistoryItem::message).cloned().collect())
    }

    async fn texts(self, who: &Person) -> Result<Vec<String>> {
        let messages = self.messages(who).await?.into_iter();
        Ok(messages.filter(|message| message.kind == MessageKind::Text).map(|message| message.text).collect())
    }

    async fn gaps(self, who: &Person) -> Result<u64> {
        let items = who.client().history(&self.recipient(), 10_000).await?;
        let missing = |item: &HistoryItem| match item {
            HistoryItem::Gap { missing, .. } => *missing,
            HistoryItem::Message(_) => 0,
        };
        Ok(items.iter().map(missing).sum())
    }

    /// What has changed, as it is told there.
    async fn news(self, who: &Person) -> Result<Vec<(UserId, GroupNews)>> {
        let messages = self.messages(who).await?.into_iter();
        Ok(messages.filter_map(|message| Some((message.sender_id, *message.group_news?))).collect())
    }

    async fn hears(self, who: &Person, text: &str) -> Result<()> {
        let what = format!("{} hears {text:?} in the group", who.account().user_id);
        let heard = until(&what, PATIENCE, || async {
            Ok(self.texts(who).await?.iter().any(|heard| heard == text).then_some(()))
        });
        match heard.await {
            Ok(()) => Ok(()),
            Err(error) => {
                let (texts, holds) = (self.texts(who).await?, who.client().holds().await?);
                Err(error.context(format!("hears instead: {texts:?}; holds: {holds:?}")))
            }
        }
    }

    /// Everybody hears what each of them says.
    async fn all_talk(self, round: &str, people: &[&Person]) -> Result<()> {
        for (number, speaker) in people.iter().enumerate() {
            let text = format!("{round}, {} {number}", speaker.account().user_id);
            self.says(speaker, &text).await?;
            for hearer in people {
                self.hears(hearer, &text).await.with_context(|| format!("said by {}", speaker.account().user_id))?;
            }
        }
        Ok(())
    }

    async fn is_called(self, who: &Person, title: &str) -> Result<()> {
        let chat = self.chat(who).await?;
        let what = format!("the group is called {title:?} at {}", who.account().user_id);
        until(&what, PATIENCE, || async { Ok((who.client().group(chat).await?.title == title).then_some(())) }).await
    }

    /// Who takes part, by what somebody knows.
    async fn people(self, who: &Person) -> Result<Vec<(String, Role)>> {
        let chat = self.chat(who).await?;
        let people = who.client().group(chat).await?.people;
        Ok(people.into_iter().map(|person| (person.user_id.to_string(), person.role)).collect())
    }

    async fn has_people(self, who: &Person, expected: &[(&str, Role)]) -> Result<()> {
        let wanted: Vec<_> = expected.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect();
        let what = format!("{} knows that {expected:?} take part", who.account().user_id);
        let known = until(&what, PATIENCE, || async { Ok((self.people(who).await? == wanted).then_some(())) });
        match known.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(format!("knows instead: {:?}", self.people(who).await?))),
        }
    }

    /// Waits until what somebody has asked for is done.
    async fn done(
        self,
        who: &Person,
        asked: Result<Vec<privmsg_client::AskedChange>, privmsg_client::ClientError>,
    ) -> Result<()> {
        for change in asked? {
            let done = tokio::time::timeout(PATIENCE, who.client().wait_group_changed(change)).await;
            if done.is_err() {
                anyhow::bail!("a change is not made; holds: {:?}", who.client().holds().await?);
            }
            done??;
        }
        Ok(())
    }
}
