//! A new device is let in by a present one.

use privmsg_e2ee::{Kind as _, LinkCode, LinkPins, OsRng, Reached, Title, Titled};
use privmsg_mls_public::{Device, LinkReply};
use privmsg_protocol::rest::EnrolDevice;
use privmsg_protocol::{DeviceId, Incarnation, Opaque, UserId};
use privmsg_store::chats::ChatKind;
use privmsg_store::contacts::words;
use privmsg_store::{Snapshot, Tx, chats, group_chats, groups, reached};

use super::publish::{Publisher, signing_key};
use super::sealed_copy;
use crate::content::pins;
use crate::error::{ClientError, During as _};
use crate::group::claim::conversation_of;
use crate::group::rosters;

impl Publisher<'_> {
    /// Lets the device in that has shown this code: puts it into the list, and tells it which account it belongs to,
    /// what is known of contacts' keys, how far conversations have come, and the copy of the sealed identity.
    ///
    /// # Errors
    /// [`ClientError::AnotherUsersCode`], and those of [`Publisher::publish`].
    pub(crate) async fn link(self, code: &LinkCode) -> Result<(), ClientError> {
        let new = &code.device;
        if new.user_id != self.account.user_id {
            return Err(ClientError::AnotherUsersCode(new.user_id.clone()));
        }
        // The server has said the time just now, however long this machine has slept.
        self.catch_up().await?;
        let added_at = self.agreed()?.added_s;
        let certificate = signing_key(self.account)?.certify(&new.device_id, &new.device_key, added_at);
        let with_it = |present: &[Device]| {
            let others =
                present.iter().filter(|one| one.device_id != new.device_id && one.device_key != new.device_key);
            let entry = Device { device_id: new.device_id.clone(), device_key: new.device_key, added_at };
            others.cloned().chain([entry]).collect()
        };
        let told_by = self.account.device_id.clone().ok_or(ClientError::NotSignedIn)?;
        let own = self.account.user_id.clone();
        let look =
            move |at: &Snapshot<'_>| Ok::<_, ClientError>((words::to_pass_on(at)?, how_far(at, &own)?, titles(at)?));
        let (known, chats, titles) = self.store.read(look).await?;
        let pins = known.iter().map(pins::pin).collect();
        let known = LinkPins::new(told_by, sealed_copy::to_hand_on(self.account), pins, chats);
        let known = known.with_titles(titles);
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        self.publish(with_it, |list| {
            let reply = LinkReply::new(
                &code.secret,
                new,
                certificate.clone(),
                list.clone(),
                known.seal(&code.secret, &mut OsRng),
            );
            let reply = reply.during("answering a new device")?;
            Ok(vec![EnrolDevice {
                device_id: new.device_id.clone(),
                device_public_key: new.device_key.to_string(),
                device_name: given(&code.device_name),
                device_type: given(&code.device_type),
                link_reply: Some(Opaque::encode(&reply.encode())),
            }])
        })
        .await
    }
}

/// How far conversations have come, as far as that says something: nothing is before the first incarnation and roster.
fn how_far(at: &Snapshot<'_>, own: &UserId) -> Result<Vec<Reached>, ClientError> {
    let mut all = Vec::new();
    for (chat, incarnation) in chats::with_incarnations(at)? {
        let Some(conversation) = conversation_of(&chat.kind, own) else { continue };
        // The one that the group is under, which the server has too. A newer one may be on its way to it.
        let roster = groups::of_chat(at, chat.id)?.and_then(|group| group.roster);
        let roster = roster.map(|roster| rosters::stored(&roster)).transpose()?.map_or(0, |roster| roster.number());
        if incarnation > Incarnation::FIRST || roster > 1 {
            all.push(Reached::new(&conversation, incarnation, roster));
        }
    }
    Ok(all)
}

/// What the groups are called that the user takes part in.
fn titles(at: &Snapshot<'_>) -> Result<Vec<Titled>, ClientError> {
    let mut all = Vec::new();
    for (chat, title) in group_chats::all(at)? {
        let is_in = group_chats::heading(at, chat)?.is_some_and(|heading| heading.gone.is_none());
        if let ChatKind::Group { conversation } = chats::load(at, chat)?.kind
            && is_in
            && !title.is_empty()
        {
            all.push(Titled::new(&conversation, title));
        }
    }
    Ok(all)
}

/// Notes what groups are called, as the device says that lets this one in.
pub(crate) fn hear_titles(tx: &Tx<'_>, told_by: &DeviceId, titles: &[Titled]) -> Result<(), ClientError> {
    let is_title = |one: &&Titled| Title { title: one.title().to_owned(), again: true }.check().is_ok();
    for one in titles.iter().filter(is_title) {
        reached::note_title(tx, &one.conversation(), one.title(), told_by)?;
    }
    Ok(())
}

/// Notes how far conversations have come, as the device says that lets this one in.
pub(crate) fn hear_how_far(tx: &Tx<'_>, told_by: &DeviceId, chats: &[Reached]) -> Result<(), ClientError> {
    for one in chats {
        let far = reached::Reached { incarnation: one.incarnation(), roster: one.roster() };
        reached::note(tx, &one.conversation(), far, told_by)?;
    }
    Ok(())
}
