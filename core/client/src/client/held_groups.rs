//! Groups that cannot be written to, because somebody takes part in them under another identity than the one that the user
//! knows them by; and what helps.

use privmsg_e2ee::{Participant, Role};
use privmsg_protocol::{ConversationId, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::{Snapshot, contacts, group_chats};

use super::Client;
use crate::error::ClientError;
use crate::group::rosters;
use crate::trust::{self, Trust};

/// A group that nothing is sent to until it is settled under which identities its people take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldGroup {
    /// What it is called everywhere.
    pub conversation: ConversationId,
    /// What people call it; empty as long as nobody has said.
    pub title: String,
    /// Those of whom there are two keys, between which the user has to decide.
    pub to_decide: Vec<UserId>,
    /// Those who take part under a key that the user has refused: they have to go, or the user has to accept it after all.
    pub refused: Vec<UserId>,
    /// Those who take part under another identity than the one that the user means: they have to be let in under that one, or go.
    pub others: Vec<UserId>,
    /// Whether this user may do so.
    pub may_renew: bool,
    /// Who else may, with their roles: the highest first.
    pub can_renew: Vec<(UserId, Role)>,
}

impl Client {
    /// Who keeps a group from being written to. `None` if nobody does, or the chat is of another kind.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn held_group(&self, chat: ChatId) -> Result<Option<HeldGroup>, ClientError> {
        let own = self.context.account().await?;
        self.context.store.read(move |at| look(at, chat, (&own.user_id, own.identity))).await
    }

    /// The groups in which a user takes part under another identity than the one that this user knows them by.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn held_groups_with(&self, user: &UserId) -> Result<Vec<HeldGroup>, ClientError> {
        let (own, user) = (self.context.account().await?, user.clone());
        let look = move |at: &Snapshot<'_>| {
            let mut held = Vec::new();
            for (chat, _) in group_chats::all(at)? {
                let group = look(at, chat, (&own.user_id, own.identity))?;
                let is_about = |group: &HeldGroup| {
                    [&group.to_decide, &group.refused, &group.others].iter().any(|who| who.contains(&user))
                };
                held.extend(group.filter(is_about));
            }
            Ok::<_, ClientError>(held)
        };
        self.context.store.read(look).await
    }
}

fn look(at: &Snapshot<'_>, chat: ChatId, own: (&UserId, Option<[u8; 32]>)) -> Result<Option<HeldGroup>, ClientError> {
    let Some(known) = group_chats::load(at, chat)?.filter(|known| known.gone.is_none()) else { return Ok(None) };
    let ChatKind::Group { conversation } = chats::load(at, chat)?.kind else { return Ok(None) };
    let people = rosters::view(at, chat)?.map(|view| view.participants()).unwrap_or_default();
    let (mut to_decide, mut refused, mut others, mut strangers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for place in &people {
        let trust = trust::of_anybody(at, own, place.user_id(), *place.identity().as_bytes())?;
        if trust.is_as_known() {
            continue;
        }
        strangers.push(place);
        let user = place.user_id().clone();
        let listed = match trust {
            Trust::Refused { .. } => &mut refused,
            _ if contacts::is_held(at, &user)? => &mut to_decide,
            _ => &mut others,
        };
        listed.push(user);
    }
    if strangers.is_empty() {
        return Ok(None);
    }
    let may = |place: &Participant| {
        let above = |other: &&Participant| place.role() > other.role();
        place.role() == Role::Owner || (place.role() == Role::Admin && strangers.iter().all(above))
    };
    let is_stranger = |place: &Participant| strangers.iter().any(|other| other.user_id() == place.user_id());
    let mut can_renew: Vec<_> = people
        .iter()
        .filter(|place| place.user_id() != own.0 && !is_stranger(place) && may(place))
        .map(|place| (place.user_id().clone(), place.role()))
        .collect();
    can_renew.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let may_renew = people.iter().any(|place| place.user_id() == own.0 && !is_stranger(place) && may(place));
    Ok(Some(HeldGroup { conversation, title: known.title, to_decide, refused, others, may_renew, can_renew }))
}
