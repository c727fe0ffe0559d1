//! Rosters, as the owner of a device writes them.

use anyhow::Result;
use privmsg_e2ee::{AccountSigningKey, OsRng, Participant, Role, Roster};
use privmsg_mls_public::Device;

use super::MlsDevice;

impl MlsDevice {
    /// Its owner's place in a roster.
    #[must_use]
    pub fn place(&self, role: Role) -> Participant {
        self.place_in(role, 1)
    }

    /// The same of an owner who has signed in this generation.
    #[must_use]
    pub fn place_in(&self, role: Role, generation: u64) -> Participant {
        let person = self.person();
        Participant::with_role(person.user_id, person.identity, role, generation)
    }

    /// What its owner signs with, in generation 1.
    #[must_use]
    pub fn signing_key(&self) -> &AccountSigningKey {
        &self.0.signing_key
    }

    /// What its owner signs with in another generation.
    ///
    /// # Errors
    /// If there can be no such generation.
    pub fn begins_generation(&self, generation: u64) -> Result<AccountSigningKey> {
        let (user, _) = self.name();
        Ok(self.0.account.begin_generation(&user, generation, &mut OsRng)?)
    }

    /// Its place in a device list.
    #[must_use]
    pub fn entry(&self) -> Device {
        let certificate = &self.0.certificate;
        let (device_id, device_key) = (certificate.device_id().clone(), *certificate.device_key());
        Device { device_id, device_key, added_at: certificate.added_at() }
    }

    /// The roster of a group that its owner founds with these members.
    ///
    /// # Errors
    /// If there can be no such roster.
    pub fn roster_with(&self, members: &[&Self]) -> Result<Roster> {
        let members = members.iter().map(|member| member.place(Role::Member));
        let people = [self.place(Role::Owner)].into_iter().chain(members).collect();
        Ok(self.0.signing_key.found(people, &mut OsRng)?)
    }

    /// The roster that its owner writes after this one, in which somebody has another role, or is out. Whether that is
    /// allowed is another question.
    ///
    /// # Errors
    /// If there can be no such roster.
    pub fn changes(&self, before: &Roster, who: &Self, role: Option<Role>) -> Result<Roster> {
        let (name, _) = who.name();
        let mut people: Vec<_> =
            before.participants().iter().filter(|place| *place.user_id() != name).cloned().collect();
        people.extend(role.map(|role| who.place(role)));
        self.writes(&[before], people)
    }

    /// The roster that its owner writes after these, whatever stands in it.
    ///
    /// # Errors
    /// If there can be no such roster.
    pub fn writes(&self, before: &[&Roster], people: Vec<Participant>) -> Result<Roster> {
        Ok(self.0.signing_key.next_roster(before, people, &mut OsRng)?)
    }
}
