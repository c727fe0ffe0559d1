//! A user of an honest server, with a client of another kind than ours: without an engine, and without rules.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privmsg_e2ee::{AccountKey, DeviceKeys, LinkCode, OsRng, SignIn};
use privmsg_harness::http::{Answer, Http};
use privmsg_mls_public::NewDevice;
use privmsg_mls_public::group::Welcome;
use privmsg_protocol::frames::{ClientFrame, MessageType, SendMessage};
use privmsg_protocol::rest::{
    Challenge, ChallengePurpose, ChallengeRequest, ClaimKeyPackages, ClaimedKeyPackages, CreateGroup, DeviceSignIn,
    Group, GroupKind, GroupStateAt, Groups, JoinerSecrets, LoginResponse, Problem, PublicGroupState,
    PublishKeyPackages, SharedWelcome, SubmitCommit, UpdateProfile,
};
use privmsg_protocol::{DeviceId, Epoch, ErrorCode, GroupId, Incarnation, MessageId, Opaque, UserId};
use serde::Serialize;

use super::claim::{Claim, random};
use super::rogue::{Forged, Rogue, RogueGroup, new_message_id, now_ms};
use crate::load::{Connection, SignedIn, sign_in_as};
use crate::{Account, Person, Server};

/// A session of a user who is up to no good.
#[derive(Debug)]
pub struct HostileMember {
    http: Http,
    /// None, as long as the session waits.
    socket: Option<Connection>,
    session: SignedIn,
    rogue: Rogue,
}

impl HostileMember {
    /// A new user with an identity of their own, whom others can write to.
    ///
    /// # Errors
    /// What the server says.
    pub async fn signs_up(server: &Server, name: &str) -> Result<Self> {
        Self::signs_up_at(server.address(), &server.admin().creates(name).await?).await
    }

    /// The same by an account that there is.
    ///
    /// # Errors
    /// What the server says.
    pub async fn signs_up_at(server: SocketAddr, account: &Account) -> Result<Self> {
        let mut member = Self::waits_at(server, account).await?;
        member.comes_back(server).await?;
        let identity = member.rogue.who().identity.to_string();
        let update = UpdateProfile { public_key: Some(identity), ..UpdateProfile::default() };
        member.asks("POST", "users/me/profile", &update).await?;
        let key_packages = vec![Opaque::encode(&member.rogue.key_package()?)];
        member.asks("POST", "key-packages", &PublishKeyPackages { key_packages, last_resort: None }).await?;
        Ok(member)
    }

    /// As on the first device of somebody, with an identity of its own, which is not published.
    ///
    /// # Errors
    /// What the server says.
    pub async fn signs_in(server: &Server, account: &Account) -> Result<Self> {
        let mut member = Self::waits(server, account).await?;
        member.socket = Some(Connection::open(server.address(), &member.session).await?);
        Ok(member)
    }

    /// Whoever knows the access key of somebody who has an identity, and nothing else. The session waits.
    ///
    /// # Errors
    /// What the server says.
    pub async fn waits(server: &Server, account: &Account) -> Result<Self> {
        Self::waits_at(server.address(), account).await
    }

    /// Connects anew, as after a restart of the server, and is online again.
    ///
    /// # Errors
    /// If the session is over.
    pub async fn comes_back(&mut self, server: SocketAddr) -> Result<()> {
        self.http = Http::connect(server).await?;
        self.socket = Some(Connection::open(server, &self.session).await?);
        Ok(())
    }

    async fn waits_at(server: SocketAddr, account: &Account) -> Result<Self> {
        let keys = DeviceKeys::generate(&mut OsRng);
        let mut http = Http::connect(server).await?;
        let public = STANDARD.encode(keys.public().as_bytes());
        let session = sign_in_as(&mut http, account, Some(&public)).await?;
        Self::of(http, session, keys)
    }

    fn of(http: Http, session: SignedIn, keys: DeviceKeys) -> Result<Self> {
        let (user, device) = (session.user_id.as_str(), session.device_id.as_str());
        let rogue = Rogue::with(AccountKey::generate(&mut OsRng), keys, user, device)?;
        Ok(Self { http, socket: None, session, rogue })
    }

    /// A device that somebody has let in, and that turns against them: it stands in their list, and shows certificates of
    /// an identity of its own.
    ///
    /// # Errors
    /// If it is not let in.
    pub async fn is_let_in_by(server: &Server, owner: &Person) -> Result<Self> {
        let keys = DeviceKeys::generate(&mut OsRng);
        let user_id = owner.account().user_id.clone();
        let device_id: DeviceId = STANDARD.encode(random::<12>()?).replace(['+', '/', '='], "x").parse()?;
        let device = NewDevice { user_id: user_id.clone(), device_id: device_id.clone(), device_key: keys.public() };
        let (device_type, device_name) = ("test".to_owned(), "rogue".to_owned());
        let code = LinkCode { device, device_type, device_name, secret: random::<32>()?.into() };
        owner.client().link_device(&code).await?;
        let mut http = Http::connect(server.address()).await?;
        let purpose = ChallengePurpose::Device(device_id.clone());
        let request = ChallengeRequest { user_id: user_id.clone(), purpose };
        let challenge: Challenge = http.send("POST", "/api/v1/auth/challenge", None, &request).await?.json()?;
        let bytes = challenge.challenge.decode().and_then(|bytes| bytes.try_into().ok()).context("a challenge")?;
        let sign_in = SignIn { user_id: user_id.clone(), device_id: device_id.clone(), challenge: bytes };
        let signature = Opaque::encode(&keys.answer(&sign_in));
        let challenge = challenge.challenge;
        let request = DeviceSignIn { user_id, device_id, challenge, signature, device_name: None, device_type: None };
        let login: LoginResponse = http.send("POST", "/api/v1/auth/device", None, &request).await?.json()?;
        let session = SignedIn {
            user_id: login.user.user_id,
            device_id: login.device_id,
            token: login.token.expose().to_owned(),
        };
        let mut member = Self::of(http, session, keys)?;
        member.socket = Some(Connection::open(server.address(), &member.session).await?);
        Ok(member)
    }

    /// Its device, with keys and a certificate.
    #[must_use]
    pub const fn rogue(&self) -> &Rogue {
        &self.rogue
    }

    /// Asks the server for anything, and takes any answer.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn tries<B: Serialize + Sync>(&mut self, method: &str, path: &str, body: &B) -> Result<Answer> {
        let token = Some(self.session.token.as_str());
        self.http.send(method, &format!("/api/v1/{path}"), token, body).await
    }

    /// Asks the server for anything that it should grant.
    ///
    /// # Errors
    /// What the server says.
    pub async fn asks<B: Serialize + Sync>(&mut self, method: &str, path: &str, body: &B) -> Result<Answer> {
        let answer = self.tries(method, path, body).await?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status < 300, "{method} {path}: {}: {said}", answer.status);
        Ok(answer)
    }

    /// A key package of each device of a user.
    ///
    /// # Errors
    /// What the server says.
    pub async fn claims(&mut self, user: &UserId) -> Result<Vec<Vec<u8>>> {
        let path = format!("users/{user}/key-packages/claim");
        let claimed: ClaimedKeyPackages = self.asks("POST", &path, &ClaimKeyPackages::default()).await?.json()?;
        Ok(claimed.key_packages.iter().filter_map(|package| package.key_package.decode()).collect())
    }

    /// The user's groups, as the server has them.
    ///
    /// # Errors
    /// What the server says.
    pub async fn groups(&mut self) -> Result<Vec<Group>> {
        Ok(self.asks("GET", "groups", &()).await?.json::<Groups>()?.groups)
    }

    /// The public state of a group.
    ///
    /// # Errors
    /// What the server says.
    pub async fn state(&mut self, group: GroupId) -> Result<GroupStateAt> {
        self.asks("GET", &format!("groups/{group}/state"), &()).await?.json()
    }

    /// Creates, on the server, a group of this kind between these users, itself among them, whose MLS content may claim
    /// something else.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn creates(
        &mut self,
        kind: GroupKind,
        with: &[&UserId],
        claim: &Claim,
        made: &Forged,
    ) -> Result<Verdict> {
        let mut participants = vec![self.session.user_id.clone()];
        participants.extend(with.iter().map(|user| (*user).clone()));
        let creation = creation(kind, participants, claim, made);
        Verdict::of(&self.tries("POST", "groups", &creation).await?)
    }

    /// Has the direct conversation with somebody go on in another group, whatever that is.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn goes_on(
        &mut self,
        with: &UserId,
        incarnation: Incarnation,
        claim: &Claim,
        made: &Forged,
    ) -> Result<Verdict> {
        let participants = vec![self.session.user_id.clone(), with.clone()];
        let creation = CreateGroup { incarnation, ..creation(GroupKind::Direct, participants, claim, made) };
        Verdict::of(&self.tries("POST", "groups", &creation).await?)
    }

    /// Has a group of people go on in another one, with the roster that this claims.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn leads_on(&mut self, incarnation: Incarnation, claim: &Claim, made: &Forged) -> Result<Verdict> {
        let roster = claim.roster.as_ref().filter(|roster| !roster.is_founding());
        let roster = roster.map(|roster| Opaque::encode(&roster.encode()));
        let creation = CreateGroup { incarnation, roster, ..creation(GroupKind::Group, Vec::new(), claim, made) };
        Verdict::of(&self.tries("POST", "groups", &creation).await?)
    }

    /// Commits to a group.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn commits(&mut self, group: GroupId, made: &Forged) -> Result<Verdict> {
        let commit = SubmitCommit {
            message_id: new_message_id()?,
            epoch: made.epoch,
            commit: Opaque::encode(&made.commit),
            welcome: welcome(made),
            group_info: made.state.group_info.clone(),
            evidence: Vec::new(),
        };
        Verdict::of(&self.tries("POST", &format!("groups/{group}/commits"), &commit).await?)
    }

    /// Says something in a group that the server has: its leaf by MLS, its session on the envelope.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn says(&mut self, group: &mut RogueGroup, text: &str) -> Result<()> {
        let message_id = new_message_id()?;
        let bytes = group.says(message_id, text)?;
        self.sends(message_id, group.group_id(), group.epoch(), &bytes).await
    }

    /// Sends any bytes to a group.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn sends(&mut self, message_id: MessageId, group: GroupId, epoch: Epoch, bytes: &[u8]) -> Result<()> {
        let message = SendMessage {
            message_id,
            sender_id: self.session.user_id.clone(),
            recipient_id: None,
            group_id: Some(group),
            epoch: Some(epoch),
            encrypted_content: Opaque::encode(bytes),
            message_type: MessageType::Text,
            timestamp: i64::try_from(now_ms() / 1000)?,
            by_person: Some(true),
        };
        let socket = self.socket.as_mut().context("a session that waits has no connection")?;
        socket.feed(ClientFrame::Message(message).to_json()).await?;
        socket.flush().await
    }
}

/// What the server says to a group or commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the others' business now.
    Taken,
    /// With this code.
    Refused(ErrorCode),
}

impl Verdict {
    /// What it is said to what does not hold.
    pub const INVALID: Self = Self::Refused(ErrorCode::InvalidHandshake);

    fn of(answer: &Answer) -> Result<Self> {
        if answer.status < 300 {
            return Ok(Self::Taken);
        }
        let problem: Problem = serde_json::from_slice(&answer.body)?;
        Ok(Self::Refused(problem.code))
    }
}

/// A group on the server whose MLS content is another matter.
fn creation(kind: GroupKind, participants: Vec<UserId>, claim: &Claim, made: &Forged) -> CreateGroup {
    CreateGroup {
        kind,
        // Those of a group stand in its roster.
        participants: if kind == GroupKind::Group { Vec::new() } else { participants },
        incarnation: Incarnation::FIRST,
        founding_roster: claim.founding_roster.clone().filter(|_| kind == GroupKind::Group),
        roster: None,
        steps: Vec::new(),
        welcome: welcome(made),
        state: made.state.clone(),
    }
}

/// The server is given a Welcome in parts, which bytes that are nothing do not have.
fn welcome(made: &Forged) -> Option<SharedWelcome> {
    let bytes = made.welcome.as_ref()?;
    let welcome = Welcome::read(bytes).unwrap_or_else(|_| Welcome {
        group_info: bytes.clone(),
        secrets: made.added.iter().map(|_| (Vec::new(), bytes.clone())).collect(),
    });
    let one = |(device, (_, secrets)): (&DeviceId, &(_, Vec<u8>))| JoinerSecrets {
        device_id: device.clone(),
        secrets: Opaque::encode(secrets),
    };
    Some(SharedWelcome {
        group_info: Opaque::encode(&welcome.group_info),
        secrets: made.added.iter().zip(&welcome.secrets).map(one).collect(),
    })
}

impl Forged {
    /// The same with another last byte: of its membership tag, which only members can check.
    #[must_use]
    pub fn spoiled(mut self) -> Self {
        if let Some(last) = self.commit.last_mut() {
            *last ^= 1;
        }
        self
    }

    /// Bytes that are nothing at all, for these devices.
    #[must_use]
    pub fn garbage(epoch: Epoch, welcomed: &[DeviceId]) -> Self {
        let nothing = Opaque::encode(b"nothing of any kind");
        Self {
            epoch,
            commit: b"no commit".to_vec(),
            // Told by its first bytes that it is one (RFC 9420, section 6).
            welcome: Some(b"\x00\x01\x00\x03 and no welcome".to_vec()),
            added: welcomed.to_vec(),
            state: PublicGroupState { group_info: nothing.clone(), ratchet_tree: nothing },
        }
    }
}
