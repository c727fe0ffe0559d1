//! Groups of people, as the tests have them.

use ed25519_dalek::{Signer as _, SigningKey};
use privmsg_harness::e2ee::{CommitBundle, Role};
use privmsg_harness::mls::{MlsDevice, MlsGroup};
use privmsg_mls_public::{DeviceList, Roster, group_id};
use privmsg_protocol::{GroupId, Incarnation};
use serde_json::{Value, json};

use crate::support::{Answer, Person, TestServer, base64, devices, state, submission, submit, welcome};

/// Alice, who has founded it, bob and carol, each with a device in the group.
pub(super) struct Club {
    pub(super) server: TestServer,
    pub(super) alice: Person,
    pub(super) bob: Person,
    pub(super) carol: Person,
    pub(super) id: GroupId,
    pub(super) founding: Roster,
    /// The group as each of them has it.
    pub(super) hers: MlsGroup,
    pub(super) bobs: MlsGroup,
    pub(super) carols: MlsGroup,
}

/// A user whose profile has the identity of their devices.
pub(super) async fn member(server: &TestServer, name: &str) -> Person {
    let access_key = server.api.create_user(name).await;
    let person = server.api.login(name, &access_key, None).await;
    let identity = person.mls.person().identity.to_string();
    person.post("/api/v1/users/me/profile", json!({"public_key": identity})).await.ok();
    person
}

/// The request to begin a group in this incarnation, with a roster that is not the founding one.
pub(super) fn beginning(
    by: &Person,
    founding: &Roster,
    roster: &Roster,
    incarnation: u32,
    others: &[&Person],
) -> (MlsGroup, CommitBundle, Value) {
    let (group, bundle) = by.mls.gathers(roster, Incarnation(incarnation), &devices(others)).unwrap();
    let mut body = json!({
        "kind": "group", "incarnation": incarnation, "founding_roster": base64(&founding.encode()),
        "welcome": welcome(&bundle), "state": state(&bundle),
    });
    if roster.hash() != founding.hash() {
        body["roster"] = base64(&roster.encode());
    }
    (group, bundle, body)
}

/// What the first group with this founding roster is called.
pub(super) fn id_of(founding: &Roster) -> GroupId {
    group_id(&founding.conversation_id(), Incarnation::FIRST)
}

pub(super) async fn club() -> Club {
    club_on(TestServer::start().await).await
}

pub(super) async fn club_on(server: TestServer) -> Club {
    let (alice, bob, carol) =
        (member(&server, "alice").await, member(&server, "bob").await, member(&server, "carol").await);
    let founding = alice.mls.roster_with(&[&bob.mls, &carol.mls]).unwrap();
    let (hers, begun, body) = beginning(&alice, &founding, &founding, 1, &[&bob, &carol]);
    alice.post("/api/v1/groups", body).await.ok();
    let bobs = bob.mls.joins_people(&begun, Some(&founding)).unwrap();
    let carols = carol.mls.joins_people(&begun, Some(&founding)).unwrap();
    let id = id_of(&founding);
    Club { server, alice, bob, carol, id, founding, hers, bobs, carols }
}

impl Person {
    /// Has a device list for the first time, in this generation of the account.
    pub(super) async fn begins(&self, generation: u64) {
        self.begins_with(&[], generation).await;
    }

    /// The same with these other devices in it.
    pub(super) async fn begins_with(&self, others: &[&Self], generation: u64) {
        let key = self.mls.begins_generation(generation).unwrap();
        let signing = SigningKey::from_bytes(&key.to_bytes());
        let sign = |bytes: &[u8]| signing.sign(bytes).to_bytes();
        let entries = [self].iter().chain(others).map(|device| device.mls.entry()).collect();
        let list = DeviceList::signed_by(key.certificate().clone(), sign, 1, entries).unwrap();
        let recovery_key = MlsDevice::of("anybody", "any").unwrap().person().identity.to_string();
        let body = json!({
            "public_key": self.mls.person().identity.to_string(), "certificate": base64(&list.certificate().encode()),
            "device_list": base64(&list.encode()), "backup": base64(b"sealed"), "recovery_key": recovery_key,
        });
        self.post("/api/v1/users/me/identity", body).await.ok();
    }
}

impl Club {
    pub(super) async fn group(&self, as_seen_by: &Person) -> Value {
        as_seen_by.get(&format!("/api/v1/groups/{}", self.id)).await.ok()
    }

    /// Hands in a commit with a step, made in this group, to which these come.
    pub(super) async fn steps(
        &self,
        by: &Person,
        group: &MlsGroup,
        step: &Roster,
        add: &[&Person],
    ) -> (Answer, CommitBundle) {
        let bundle = group.steps(step, &devices(add)).unwrap();
        (submit(by, self.id, &submission(&bundle)).await, bundle)
    }

    /// The same, which is taken, and the others follow.
    pub(super) async fn moves(
        &self,
        by: &Person,
        group: &MlsGroup,
        others: &[&MlsGroup],
        step: &Roster,
        add: &[&Person],
    ) -> CommitBundle {
        let (answer, bundle) = self.steps(by, group, step, add).await;
        answer.ok();
        group.merges().unwrap();
        others.iter().for_each(|other| other.follows(&bundle.commit).unwrap());
        bundle
    }

    /// Alice makes bob an admin.
    pub(super) async fn bob_is_admin(&self) -> Roster {
        let step = self.alice.mls.changes(&self.founding, &self.bob.mls, Some(Role::Admin)).unwrap();
        self.moves(&self.alice, &self.hers, &[&self.bobs, &self.carols], &step, &[]).await;
        step
    }

    pub(super) async fn leaves(&self, by: &Person, step: &Roster) -> Answer {
        by.post(&format!("/api/v1/groups/{}/leave", self.id), json!({"roster": base64(&step.encode())})).await
    }
}
