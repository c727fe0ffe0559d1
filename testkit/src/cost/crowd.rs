//! People with many devices that have no client: they publish a key package each, and come into a group anew by themselves.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openmls_rust_crypto::MemoryStorage;
use privmsg_e2ee::{
    AccountKey, Conversation, DeviceCertificate, DeviceKeys, OsRng, Provider, Roster, generate_key_package,
};
use privmsg_protocol::rest::{GroupStateAt, PublishKeyPackages, SubmitCommit, UpdateProfile};
use privmsg_protocol::{GroupId, MessageId, Opaque, UserId};

use crate::http::{Answer, Http};
use crate::load::{SignedIn, sign_in_as};
use crate::{Account, Admin};

/// See the module.
#[derive(Default)]
pub struct Crowd {
    /// One device of each.
    people: Vec<Device>,
    /// For ids.
    said: u64,
}

struct Device {
    session: SignedIn,
    keys: DeviceKeys,
    certificate: DeviceCertificate,
}

impl std::fmt::Debug for Crowd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Crowd({})", self.people.len())
    }
}

impl Crowd {
    /// Somebody joins it, with so many devices.
    ///
    /// # Errors
    /// What the server says.
    pub async fn gets(&mut self, http: &mut Http, admin: &Admin, name: &str, devices: usize) -> Result<UserId> {
        let account = admin.creates_by(http, name).await?;
        let mut made = publishes(http, &account, devices).await?;
        self.people.push(made.pop().context("no device")?);
        Ok(account.user_id)
    }

    /// One device of each renews its path in the tree of a group, as when the group has been in use for some time.
    ///
    /// In an order in which each finds as much renewed as can be: the halves of the tree first, then their halves.
    ///
    /// # Errors
    /// What the server says.
    pub async fn renews(&mut self, http: &mut Http, group: GroupId) -> Result<()> {
        let people = self.people.len();
        let bits = people.next_power_of_two().trailing_zeros();
        let halving = (0..1 << bits).map(|n: usize| n.reverse_bits() >> (usize::BITS - bits).min(usize::BITS - 1));
        for number in halving.filter(|number| *number < people) {
            self.renew(http, group, number).await.with_context(|| format!("number {number} renews its path"))?;
        }
        Ok(())
    }

    async fn renew(&mut self, http: &mut Http, group: GroupId, number: usize) -> Result<()> {
        self.said += 1;
        let Device { session, keys, certificate } = &self.people[number];
        let token = Some(&*session.token);
        let state: GroupStateAt =
            http.send("GET", &format!("/api/v1/groups/{group}/state"), token, &()).await?.json()?;
        let (info, tree) = state.state.group_info.decode().zip(state.state.ratchet_tree.decode()).context("base64")?;
        let roster = state.roster.or(state.founding_roster).and_then(|roster| roster.decode()).context("a roster")?;
        let disk = MemoryStorage::default();
        let made_at = now_s()? + self.said;
        let (_, made) = Conversation::join_external(
            &Provider::new(&disk),
            keys,
            certificate,
            &info,
            &tree,
            Some(Roster::decode(&roster)?),
            made_at,
        )?;
        let commit = SubmitCommit {
            message_id: MessageId::from_bytes((u128::from(made_at) << 64 | u128::from(self.said)).to_be_bytes()),
            epoch: made.epoch,
            commit: Opaque::encode(&made.commit),
            welcome: None,
            group_info: Opaque::encode(&made.group_info),
            evidence: Vec::new(),
        };
        taken(&http.send("POST", &format!("/api/v1/groups/{group}/commits"), token, &commit).await?)
    }
}

/// Signs in on so many devices that hold one key package each.
async fn publishes(http: &mut Http, account: &Account, devices: usize) -> Result<Vec<Device>> {
    let identity = AccountKey::generate(&mut OsRng);
    let signing_key = identity.begin_generation(&account.user_id, 1, &mut OsRng)?;
    let now = now_s()?;
    let mut made = Vec::new();
    for _ in 0..devices {
        let keys = DeviceKeys::generate(&mut OsRng);
        let session = sign_in_as(http, account, Some(&STANDARD.encode(keys.public().as_bytes()))).await?;
        let certificate = signing_key.certify(&session.device_id, &keys.public(), now);
        made.push(Device { session, keys, certificate });
    }
    let profile = UpdateProfile { public_key: Some(identity.public().to_string()), ..UpdateProfile::default() };
    asks(http, "users/me/profile", &made.first().context("no device")?.session.token, &profile).await?;
    for Device { session, keys, certificate } in &made {
        let disk = MemoryStorage::default();
        let package = generate_key_package(&Provider::new(&disk), keys, certificate, false, now, now)?;
        let packages = PublishKeyPackages { key_packages: vec![Opaque::encode(&package.bytes)], last_resort: None };
        asks(http, "key-packages", &session.token, &packages).await?;
    }
    Ok(made)
}

async fn asks<B: serde::Serialize + Sync>(http: &mut Http, path: &str, token: &str, body: &B) -> Result<()> {
    taken(&http.send("POST", &format!("/api/v1/{path}"), Some(token), body).await?)
}

fn taken(answer: &Answer) -> Result<()> {
    ensure!(answer.status < 300, "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(())
}

fn now_s() -> Result<u64> {
    Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs())
}
