//! A member of a group who keeps no rules.

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_e2ee::{OsRng, Participant, Role, Roster};
use privmsg_mls_public::group_id;
use privmsg_protocol::{GroupId, Incarnation};

use super::world::World;
use crate::hostile::{self, Claim, Forged, HostileMember, RogueGroup, Verdict};
use crate::random::Random;

/// Mallory, with a client of another kind, in the first group.
pub(super) struct Mallory {
    member: HostileMember,
    group: GroupId,
    /// Bytes that the server may have taken for a message, and that nobody can read: each is a number that is shown as missing.
    pub(super) garbage: u64,
}

impl World {
    /// Is let into the first group, like anybody.
    pub(super) async fn mallory_comes(&mut self) -> Result<()> {
        let Some(room) = self.rooms.first() else { return Ok(()) };
        let (group, recipient) = (group_id(&room.conversation, Incarnation::FIRST), room.recipient());
        let account = self.server.admin().creates("mallory").await?;
        let member = HostileMember::signs_up_at(self.server.address(), &account).await?;
        let client = self.device((room.founder, 0))?.person.client().clone();
        let chat = client.chat_with(&recipient).await?.context("the founder's chat")?;
        for asked in client.add_to_group(chat, std::slice::from_ref(&account.user_id)).await? {
            client.wait_group_changed(asked).await?;
        }
        let mut mallory = Mallory { member, group, garbage: 0 };
        mallory.enters().await.context("Mallory comes in")?;
        self.mallory = Some(mallory);
        Ok(())
    }

    /// Does what an honest client would not. What the server has to refuse it must not take.
    pub(super) async fn mallory_does_harm(&mut self, random: &mut Random) -> Result<()> {
        let address = self.server.address();
        let Some(mallory) = &mut self.mallory else { return Ok(()) };
        // After a restore her session is over, and she stays away.
        if mallory.member.comes_back(address).await.is_err() {
            return Ok(());
        }
        let done = match random.within(0..4) {
            0 => mallory.commits_garbage().await,
            1 => mallory.enters().await.map(|_| None),
            2 => mallory.says_garbage().await,
            _ => mallory.makes_herself_the_owner().await,
        };
        match done {
            Ok(Some(taken)) => bail!("the server has taken {taken}"),
            Ok(None) => self.tally.count("harm by Mallory"),
            // The server is off, or others were faster.
            Err(_) => {}
        }
        Ok(())
    }
}

impl Mallory {
    /// Joins by external commit, perhaps once more.
    async fn enters(&mut self) -> Result<(RogueGroup, Roster)> {
        let state = self.member.state(self.group).await?;
        let read = |roster: Option<privmsg_protocol::Opaque>| {
            let bytes = roster.context("a roster")?.decode().context("base64")?;
            Ok::<_, anyhow::Error>(Roster::decode(&bytes)?)
        };
        let roster = read(state.roster)?;
        let founding = state.founding_roster.map_or_else(|| Ok(roster.clone()), |founding| read(Some(founding)))?;
        let claim = Claim::with_roster(&founding, &roster);
        let (group, joined) = self.member.rogue().joins(&claim, &state.state)?;
        let verdict = self.member.commits(self.group, &joined).await?;
        ensure!(verdict == Verdict::Taken, "{verdict:?}");
        Ok((group, roster))
    }

    async fn commits_garbage(&mut self) -> Result<Option<&'static str>> {
        let epoch = self.member.state(self.group).await?.epoch;
        let garbage = Forged { welcome: None, ..Forged::garbage(epoch, &[]) };
        self.tries("a commit of garbage", &garbage).await
    }

    async fn says_garbage(&mut self) -> Result<Option<&'static str>> {
        let epoch = self.member.state(self.group).await?.epoch;
        self.garbage += 1;
        let id = hostile::new_message_id()?;
        self.member.sends(id, self.group, epoch, b"nothing of any kind").await.map(|()| None)
    }

    async fn makes_herself_the_owner(&mut self) -> Result<Option<&'static str>> {
        let (mut group, roster) = self.enters().await?;
        let own = self.member.rogue().place(Role::Owner);
        let others = roster.participants().iter().filter(|place| place.user_id() != own.user_id()).cloned();
        let people: Vec<Participant> = others.chain([own.clone()]).collect();
        let step = self.member.rogue().signing_key().next_roster(&[&roster], people, &mut OsRng)?;
        let made = group.commit_step(&step, &[], &[])?;
        self.tries("a step by who may not make it", &made).await
    }

    /// What the server has taken and should not have, if so.
    async fn tries(&mut self, what: &'static str, made: &Forged) -> Result<Option<&'static str>> {
        Ok((self.member.commits(self.group, made).await? == Verdict::Taken).then_some(what))
    }
}
