//! What encryption costs: `cargo bench -p privmsg-e2ee`. Prints one line per figure.

use std::hint::black_box;
use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

use openmls_rust_crypto::MemoryStorage;
use privmsg_e2ee::attachment::{DecryptingWriter, EncryptingReader, encrypted_len};
use privmsg_e2ee::{
    AccountKey, AccountSigningKey, ClaimedKeyPackage, CommitBundle, Conversation, ConversationInfo, DeviceCertificate,
    DeviceKeys, Expected, OsRng, Participant, Person, Provider, Role, generate_key_package,
};
use privmsg_mls_public::PublicConversation;
use privmsg_mls_public::group::{MAX_GROUP_INFO_LEN, max_commit_len};
use privmsg_protocol::{DeviceId, Incarnation, UserId};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const FILE: usize = 256 << 20;
const MESSAGES: u32 = 500;

fn main() -> Outcome {
    files()?;
    for leaves in [2, 8, 100] {
        conversation(leaves)?;
    }
    for leaves in [2, 100, 1000] {
        server(leaves)?;
    }
    for people in [2, 250] {
        group(people, 4)?;
    }
    Ok(())
}

fn files() -> Outcome {
    let plain = vec![7; FILE];
    // Touched beforehand, so that the system's page faults are not measured.
    let mut sealed = vec![1; usize::try_from(encrypted_len(FILE as u64)?)?];
    let mut reader = EncryptingReader::new(plain.as_slice(), FILE as u64, &mut OsRng)?;
    let start = Instant::now();
    reader.read_exact(&mut sealed)?;
    print_speed("encrypt a file", start);
    let file = reader.finish()?;

    let mut writer = DecryptingWriter::new(io::sink(), file.key, file.size, file.digest);
    let start = Instant::now();
    for piece in sealed.chunks(64 * 1024) {
        writer.write_all(piece)?;
    }
    writer.finish()?;
    print_speed("decrypt a file", start);
    Ok(())
}

fn print_speed(what: &str, start: Instant) {
    println!("{what}: {:.0} MB/s", FILE as f64 / 1e6 / start.elapsed().as_secs_f64());
}

struct Device {
    keys: DeviceKeys,
    certificate: DeviceCertificate,
    storage: MemoryStorage,
}

impl Device {
    fn new(account: &AccountSigningKey, number: usize, now: u64) -> Outcome<Self> {
        let keys = DeviceKeys::generate(&mut OsRng);
        let certificate = account.certify(&DeviceId::new(&format!("device-{number}"))?, &keys.public(), now);
        Ok(Self { keys, certificate, storage: MemoryStorage::default() })
    }

    fn claim(&self, now: u64) -> Outcome<(usize, ClaimedKeyPackage)> {
        let bytes =
            generate_key_package(&Provider::new(&self.storage), &self.keys, &self.certificate, false, now, now)?.bytes;
        let (user, device) = (self.certificate.user_id(), self.certificate.device_id());
        Ok((bytes.len(), ClaimedKeyPackage::validate(&bytes, user, device, now)?))
    }
}

fn conversation(leaves: usize) -> Outcome {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let (user, account) = (UserId::new("alice")?, AccountKey::generate(&mut OsRng));
    let signing_key = account.begin_generation(&user, 1, &mut OsRng)?;
    let devices: Vec<_> = (0..leaves).map(|i| Device::new(&signing_key, i, now)).collect::<Outcome<_>>()?;
    let claimed: Vec<_> = devices[1..].iter().map(|device| device.claim(now)).collect::<Outcome<_>>()?;
    let package_len = claimed[0].0;
    let claimed: Vec<_> = claimed.into_iter().map(|(_, package)| package).collect();
    let (first, last) = (&devices[0], &devices[leaves - 1]);

    let provider = Provider::new(&first.storage);
    let own = Person { user_id: user, identity: account.public() };
    let info = ConversationInfo::notes(own, Incarnation::FIRST);
    let start = Instant::now();
    let (mut ours, bundle) =
        Conversation::create(&provider, &first.keys, &first.certificate, info, None, &claimed, now)?;
    let create = start.elapsed();
    ours.merge_pending(&provider)?;
    println!(
        "{leaves} leaves: key package {package_len} B, create {create:.1?}, commit {} B, each welcome {} B, tree {} B, group info {} B",
        bundle.commit.len(),
        bundle.welcomes()[0].1.len(),
        bundle.ratchet_tree.len(),
        bundle.group_info.len(),
    );

    let their_provider = Provider::new(&last.storage);
    let (_, welcome) = bundle.welcomes().pop().ok_or("no welcome")?;
    let start = Instant::now();
    let mut theirs = Conversation::join(&their_provider, &welcome, &bundle.ratchet_tree, None)?;
    let join = start.elapsed();

    let start = Instant::now();
    let mut messages = Vec::new();
    for _ in 0..MESSAGES {
        messages.push(ours.encrypt(&provider, &first.keys, &[7; 100])?);
    }
    let encrypt = start.elapsed() / MESSAGES;
    let start = Instant::now();
    for message in &messages {
        black_box(theirs.process(&their_provider, Expected::Application, message)?);
    }
    let decrypt = start.elapsed() / MESSAGES;
    println!(
        "{leaves} leaves: join {join:.1?}, 100 bytes: {} B, encrypt {encrypt:.1?}, decrypt {decrypt:.1?}",
        messages[0].len()
    );

    for which in ["first", "second"] {
        let start = Instant::now();
        let rotation = ours.commit(&provider, &first.keys, &[], &[], now)?;
        let commit = start.elapsed();
        ours.merge_pending(&provider)?;
        let start = Instant::now();
        theirs.process(&their_provider, Expected::Commit, &rotation.commit)?;
        let process = start.elapsed();
        println!("{leaves} leaves: {which} rotation {commit:.1?}, {} B, process {process:.1?}", rotation.commit.len());
    }
    Ok(())
}

/// What a server's checks cost, and how large what it takes and keeps is.
fn server(leaves: usize) -> Outcome {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let (user, account) = (UserId::new("alice")?, AccountKey::generate(&mut OsRng));
    let signing_key = account.begin_generation(&user, 1, &mut OsRng)?;
    let devices: Vec<_> = (0..=leaves).map(|i| Device::new(&signing_key, i, now)).collect::<Outcome<_>>()?;
    let claimed: Vec<_> = devices[1..leaves].iter().map(|device| Ok(device.claim(now)?.1)).collect::<Outcome<_>>()?;
    let (first, joiner) = (&devices[0], &devices[leaves]);
    let provider = Provider::new(&first.storage);
    let info = ConversationInfo::notes(Person { user_id: user, identity: account.public() }, Incarnation::FIRST);
    let (mut ours, created) =
        Conversation::create(&provider, &first.keys, &first.certificate, info, None, &claimed, now)?;
    ours.merge_pending(&provider)?;

    let start = Instant::now();
    let (server, _) = PublicConversation::begin(&created.group_info, &created.ratchet_tree, None)?;
    println!("server, {leaves} leaves: begin {:.1?}, first commit {} B", start.elapsed(), created.commit.len());
    let mut state = server.encoded().to_vec();

    for what in ["first rotation", "second rotation"] {
        let rotation = ours.commit(&provider, &first.keys, &[], &[], now)?;
        ours.merge_pending(&provider)?;
        state = check(leaves, what, &state, &rotation)?;
    }
    let removal = ours.commit(&provider, &first.keys, &[], &created.added[..1], now)?;
    ours.merge_pending(&provider)?;
    state = check(leaves, "removal", &state, &removal)?;
    let provider = Provider::new(&joiner.storage);
    let tree = PublicConversation::decode(state.clone())?.ratchet_tree();
    let (keys, certificate) = (&joiner.keys, &joiner.certificate);
    let (_, joined) = Conversation::join_external(&provider, keys, certificate, &removal.group_info, &tree, None, now)?;
    state = check(leaves, "external join", &state, &joined)?;
    // Rejoining costs each client what it costs to read the tree: with a thousand, one of each user's four must do.
    let step = if leaves <= 100 { 2 } else { 4 };
    warm(leaves, devices.iter().skip(2).step_by(step), &state, joined)
}

/// A group of people: what a server's check of a commit costs that brings another roster.
fn group(people: usize, devices: usize) -> Outcome {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let (mut fleet, mut places, mut founder) = (Vec::new(), Vec::new(), None);
    for number in 0..people {
        let (user, account) = (UserId::new(&format!("user{number:04}"))?, AccountKey::generate(&mut OsRng));
        let key = account.begin_generation(&user, 1, &mut OsRng)?;
        let role = if number == 0 { Role::Owner } else { Role::Member };
        places.push(Participant::with_role(user, account.public(), role, 1));
        for device in 0..devices {
            fleet.push(Device::new(&key, number * devices + device, now)?);
        }
        founder.get_or_insert(key);
    }
    let founder = founder.ok_or("nobody")?;
    let roster = founder.found(places.clone(), &mut OsRng)?;
    let claimed: Vec<_> = fleet[1..].iter().map(|device| Ok(device.claim(now)?.1)).collect::<Outcome<_>>()?;
    let (provider, first) = (Provider::new(&fleet[0].storage), &fleet[0]);
    let info = ConversationInfo::group(&roster, Incarnation::FIRST);
    let begun = Some(roster.clone());
    let (mut ours, created) =
        Conversation::create(&provider, &first.keys, &first.certificate, info, begun, &claimed, now)?;
    ours.merge_pending(&provider)?;
    let (server, _) = PublicConversation::begin(&created.group_info, &created.ratchet_tree, Some(roster.clone()))?;
    // The last one goes.
    places.pop();
    let step = founder.next_roster(&[&roster], places, &mut OsRng)?;
    let bundle = ours.commit_step(&provider, &first.keys, &step, &[], &[], now)?;
    let what = format!("roster of {people} without one, {} B,", step.encode().len());
    check(people * devices, &what, server.encoded(), &bundle).map(drop)
}

/// As when a group has been in use for some time: these devices have renewed their paths.
fn warm<'a>(
    leaves: usize,
    devices: impl Iterator<Item = &'a Device> + Clone,
    state: &[u8],
    mut latest: CommitBundle,
) -> Outcome {
    let mut state = state.to_vec();
    let Some(last) = devices.clone().last() else { return Ok(()) };
    for device in devices {
        let mut server = PublicConversation::decode(state.clone())?;
        let (group_info, tree) = (&latest.group_info, server.ratchet_tree());
        let provider = Provider::new(&device.storage);
        let (keys, certificate) = (&device.keys, &device.certificate);
        latest = Conversation::join_external(&provider, keys, certificate, group_info, &tree, None, 0)?.1;
        let before = state;
        server.apply(&latest.commit, &latest.group_info)?;
        state = server.encoded().to_vec();
        if std::ptr::eq(device, last) {
            check(leaves, "commit to a full tree", &before, &latest)?;
        }
    }
    Ok(())
}

/// The best of several runs, which is what the processor needs when nothing else runs. Returns the state after the commit.
fn check(leaves: usize, what: &str, state: &[u8], bundle: &CommitBundle) -> Outcome<Vec<u8>> {
    let before = PublicConversation::decode(state.to_vec())?;
    let bound = max_commit_len(before.leaves(), bundle.welcomes().len(), before.roster().is_some());
    if bundle.commit.len() > bound || bundle.group_info.len() > MAX_GROUP_INFO_LEN {
        return Err("longer than it may be".into());
    }
    let mut best = [Duration::MAX; 4];
    let mut after = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        let mut server = PublicConversation::decode(state.to_vec())?;
        let decoded = start.elapsed();
        black_box(server.apply(&bundle.commit, &bundle.group_info)?);
        let applied = start.elapsed();
        after = server.encoded().to_vec();
        let all = start.elapsed();
        black_box(server.ratchet_tree());
        let times = [decoded, applied - decoded, all, start.elapsed() - all];
        best = std::array::from_fn(|at| best[at].min(times[at]));
    }
    let [decode, apply, all, tree] = best;
    println!(
        "server, {leaves} leaves: {what} {} B (at most {bound} B), group info {} B, state {} B, decode {decode:.2?}, apply {apply:.2?}, \
         decode, apply and encode {all:.2?}, tree for joiners {tree:.2?}",
        bundle.commit.len(),
        bundle.group_info.len(),
        after.len(),
    );
    Ok(after)
}
