//! Which message is meant. Ids are chosen by senders, so one alone does not always say it.

use privmsg_client::{Client, ClientError};
use privmsg_protocol::{MessageId, UserId};

use crate::chat_name::ChatName;
use crate::failure::Failure;
use crate::lang::Lang;

/// A message, as it is named on the command line.
#[derive(Debug)]
pub(crate) struct Which {
    pub(crate) message: MessageId,
    pub(crate) from: Option<UserId>,
    pub(crate) chat: Option<ChatName>,
}

impl Which {
    /// The same for the client.
    pub(crate) async fn find(&self, client: &Client, lang: Lang) -> Result<privmsg_client::Which, Failure> {
        let chat = match &self.chat {
            Some(chat) => {
                let named = chat.find(client, lang).await?;
                Some(client.chat_with(&named.recipient).await?.ok_or(ClientError::NoSuchMessage)?)
            }
            None => None,
        };
        Ok(privmsg_client::Which { message: self.message, from: self.from.clone(), chat })
    }
}
