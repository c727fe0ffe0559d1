//! What went wrong, as a sentence that says what happened and what to do.

use std::io::ErrorKind;

use privmsg_client::{
    AddressError, Between, CertificateFault, ChangeError, ClientError, Disconnection, EngineError, Hop, KeyError,
    LinkFault, LoginError, MAX_FORWARDED, NetworkError, OTHERS_CAME, OpenError, ProfileError, ProxyFault,
    RecoveryError, SignOutCause, StoreError, Untrusted, foreign,
};
use privmsg_media::sound::SoundError;
use privmsg_media::{DecodeError, Refusal, limits};
use privmsg_protocol::ErrorCode;

use crate::lang::Lang;

/// Characters of what others say about a failure.
const LONGEST_DETAIL: usize = 120;

/// Why a profile does not open.
pub(crate) fn opening(lang: Lang, error: &OpenError) -> String {
    match error {
        OpenError::Profile(error) => profile(lang, error),
        OpenError::Client(error) => client(lang, error),
    }
}

/// Why signing in did not work.
pub(crate) fn sign_in(lang: Lang, error: &LoginError) -> String {
    match error {
        LoginError::Profile(error) => profile(lang, error),
        LoginError::AlreadySignedIn(user) => {
            lang.with("failure-signed-in-already", &[("user", user.as_str().to_owned().into())])
        }
        LoginError::InProgress => lang.text("failure-signing-in-elsewhere"),
        LoginError::Recovery(error) => recovery(lang, error),
        LoginError::IdentityMismatch => lang.text("failure-identity-mismatch"),
        LoginError::BegunAnew => lang.text("failure-begun-anew"),
        LoginError::ForgedLink => lang.text("failure-forged-link"),
        LoginError::Client(error) => client(lang, error),
    }
}

/// Why a picture is not shown.
pub(crate) fn picture(lang: Lang, error: &DecodeError) -> String {
    lang.text(match error {
        DecodeError::Refused(Refusal::Format) => "picture-format",
        DecodeError::Refused(Refusal::Large) => "picture-large",
        DecodeError::Refused(Refusal::Broken | Refusal::Moves) | DecodeError::Failed => "picture-broken",
        DecodeError::NotStarted(_) => "picture-not-started",
    })
}

/// Why a voice message is not heard.
pub(crate) fn voice(lang: Lang, error: &DecodeError) -> String {
    match error {
        DecodeError::Refused(Refusal::Large) => {
            lang.with("voice-long", &[("minutes", (limits::VOICE_SECONDS / 60).into())])
        }
        DecodeError::Refused(_) | DecodeError::Failed => lang.text("voice-broken"),
        DecodeError::NotStarted(_) => lang.text("voice-not-started"),
    }
}

/// Why nothing is recorded or played.
pub(crate) fn sound(lang: Lang, error: &SoundError) -> String {
    match error {
        SoundError::NotThere(program) => {
            let program = foreign::line(&program.display().to_string());
            lang.with("failure-sound-missing", &[("program", program.into())])
        }
        SoundError::NotStarted(reason) => {
            lang.with("failure-sound-not-started", &[("reason", foreign::line(reason).into())])
        }
        SoundError::Device(reason) => lang.with("failure-sound-device", &[("reason", foreign::line(reason).into())]),
    }
}

/// Why something else did not work.
pub(crate) fn client(lang: Lang, error: &ClientError) -> String {
    match error {
        ClientError::Network(error) => unreachable(lang, &network(lang, error)),
        ClientError::GoingAway { .. } => unreachable(lang, &lang.text("link-restarting")),
        ClientError::Server { code, .. } => refusal(lang, code),
        ClientError::Store(error) => store(lang, error),
        ClientError::OwnLink => lang.text("failure-own-link"),
        ClientError::AnotherServer(server) => {
            lang.with("failure-another-server", &[("server", foreign::line(server).into())])
        }
        ClientError::AnotherKey(user) => lang.with("failure-another-key", &[("user", user.as_str().into())]),
        ClientError::Disk(_) => lang.text("failure-disk"),
        ClientError::Recovery(error) => recovery(lang, error),
        ClientError::ServerTooOld(_) => lang.text("failure-server-too-old"),
        ClientError::UpdateNeeded(_) => lang.text("failure-update-needed"),
        ClientError::NoSuchUser(user) => {
            lang.with("failure-no-such-user", &[("user", user.as_str().to_owned().into())])
        }
        ClientError::Blocked(user) => lang.with("failure-blocked", &[("user", user.as_str().to_owned().into())]),
        ClientError::NotInGroup => lang.text("failure-not-in-group"),
        ClientError::Content(_) => lang.text("failure-content"),
        ClientError::GroupChange(ChangeError::NotAllowed) => lang.text("change-not-allowed"),
        ClientError::GroupChange(ChangeError::LastOwner) => lang.text("leave-last-owner"),
        ClientError::GroupChange(_) => lang.text("change-refused"),
        ClientError::ClocksDiffer { .. } => lang.text("failure-clocks-differ"),
        ClientError::NoSigningKey => lang.text("failure-no-signing-key"),
        ClientError::AnotherNumber(_) | ClientError::KeyChanged(_) => lang.text("failure-another-number"),
        ClientError::NotChangeable => lang.text("failure-not-changeable"),
        ClientError::Key(error) => key(lang, error),
        ClientError::NotForwardable => lang.text("failure-not-forwardable"),
        ClientError::TooMuchToForward => {
            lang.with("failure-too-much-to-forward", &[("megabytes", (MAX_FORWARDED >> 20).into())])
        }
        ClientError::NotMade(code) if code.as_str() == OTHERS_CAME => lang.text("failure-not-made-others"),
        ClientError::NotMade(code) => lang.with("failure-not-made", &[("why", clause(&refusal(lang, code)).into())]),
        ClientError::File { path, source } => {
            let why = match source.kind() {
                ErrorKind::StorageFull => lang.text("file-disk-full"),
                ErrorKind::PermissionDenied => lang.text("file-not-allowed"),
                ErrorKind::NotFound => lang.text("file-not-there"),
                _ => source.to_string(),
            };
            lang.with("failure-file", &[("path", foreign::line(path).into()), ("why", why.into())])
        }
        ClientError::AlteredFile => lang.text("failure-altered-file"),
        ClientError::NoSuchAttachment => lang.text("failure-no-file"),
        other => unforeseen(lang, &other.to_string()),
    }
}

/// Why there is no session any more.
pub(crate) fn engine(lang: Lang, error: &EngineError) -> String {
    match error {
        EngineError::SignedOut(signed_out) => match &signed_out.cause {
            SignOutCause::Here => lang.text("signed-out-here"),
            SignOutCause::Administrator => lang.text("signed-out-by-administrator"),
            SignOutCause::Deactivated => lang.text("signed-out-deactivated"),
            SignOutCause::Deleted => lang.text("signed-out-deleted"),
            SignOutCause::Replaced => lang.text("failure-begun-anew"),
            SignOutCause::KeyElsewhere => lang.text("failure-key-elsewhere"),
            SignOutCause::Device(_) => lang.text("signed-out-by-device"),
            SignOutCause::Forgotten => lang.text("signed-out-forgotten"),
        },
        EngineError::NotSignedIn => lang.text("signed-out-forgotten"),
        EngineError::Replaced => lang.text("failure-replaced"),
        EngineError::KeyInUseElsewhere => lang.text("failure-key-elsewhere"),
        EngineError::Store(error) => store(lang, error),
        EngineError::ProfileInUse | EngineError::Lock(_) | EngineError::Ended(_) => {
            unforeseen(lang, &error.to_string())
        }
    }
}

/// Why there is no connection, in a few words.
pub(crate) fn disconnection(lang: Lang, reason: &Disconnection) -> String {
    match reason {
        Disconnection::Network(error) => network(lang, error),
        Disconnection::Restarting => lang.text("link-restarting"),
        Disconnection::Refused(code) => refusal(lang, code),
        Disconnection::TooOld => lang.text("failure-server-too-old"),
        Disconnection::Disk => lang.text("failure-disk"),
        Disconnection::Other(text) => detail(text),
    }
}

/// Why the server has refused something.
pub(crate) fn refusal(lang: Lang, code: &ErrorCode) -> String {
    use ErrorCode as E;
    match code {
        E::InvalidCredentials => lang.text("refused-credentials"),
        E::InvitationUsed => lang.text("refused-invitation-used"),
        E::AccountRevoked => lang.text("signed-out-deactivated"),
        E::TooManyWrongKeys => lang.text("refused-too-many-keys"),
        E::RateLimited | E::TooManyRequests => lang.text("refused-too-much"),
        E::AwaitsAnswer => lang.text("refused-awaits-answer"),
        E::MailboxFull => lang.text("refused-mailbox-full"),
        E::UnknownRecipient | E::UnknownUser => lang.text("refused-no-such-user"),
        E::RecipientHasNoDevices | E::RecipientNotBack => lang.text("refused-nobody-there"),
        E::NotAMember | E::UnknownGroup => lang.text("failure-not-in-group"),
        other => lang.with("refused-other", &[("code", detail(other.as_str()).into())]),
    }
}

/// Whose certificate was shown where it is not trusted, if somebody may choose to trust its key: not where another one is pinned.
pub(crate) fn untrusted(error: &LoginError) -> Option<&Untrusted> {
    match error {
        LoginError::Client(ClientError::Network(NetworkError::Certificate(untrusted))) => {
            let may_be_pinned =
                !matches!(untrusted.fault, CertificateFault::OtherKey { .. } | CertificateFault::Revoked);
            may_be_pinned.then_some(untrusted)
        }
        _ => None,
    }
}

/// What is wrong with the address of a server.
pub(crate) fn address(lang: Lang, error: AddressError) -> String {
    match error {
        AddressError::Empty => lang.text("address-empty"),
        AddressError::Invitation => lang.text("address-invitation"),
        AddressError::Scheme => lang.text("address-scheme"),
        AddressError::User | AddressError::Query | AddressError::Fragment => lang.text("address-too-much"),
        AddressError::Port => lang.text("address-port"),
        _ => lang.text("address-none"),
    }
}

/// A sentence that goes on behind it.
pub(crate) fn clause(sentence: &str) -> String {
    sentence.trim_end_matches('.').to_owned()
}

/// What others have written, a few words of it: a server can write as much as it likes.
fn detail(text: &str) -> String {
    foreign::first_line(text, LONGEST_DETAIL)
}

fn unreachable(lang: Lang, why: &str) -> String {
    lang.with("failure-unreachable", &[("why", clause(why).into())])
}

fn unforeseen(lang: Lang, what: &str) -> String {
    lang.with("failure-other", &[("detail", detail(what).into())])
}

fn profile(lang: Lang, error: &ProfileError) -> String {
    match error {
        ProfileError::Key(error) => key(lang, error),
        ProfileError::Store(error) => store(lang, error),
        ProfileError::Directory { path, .. } => {
            lang.with("failure-folder", &[("path", detail(&path.display().to_string()).into())])
        }
    }
}

fn key(lang: Lang, error: &KeyError) -> String {
    match error {
        KeyError::WrongPassphrase | KeyError::PassphraseNeeded => lang.text("failure-wrong-passphrase"),
        KeyError::Newer { .. } | KeyError::UnknownVault(_) => lang.text("failure-newer-profile"),
        KeyError::OpenToOthers => lang.text("failure-key-open-to-others"),
        KeyError::Vault { .. } => lang.text("failure-keyring"),
        KeyError::Io { source, .. } if source.kind() == ErrorKind::StorageFull => lang.text("failure-disk"),
        error => unforeseen(lang, &error.to_string()),
    }
}

fn store(lang: Lang, error: &StoreError) -> String {
    match error {
        StoreError::WrongKey => lang.text("failure-damaged"),
        StoreError::Newer { .. } => lang.text("failure-newer-profile"),
        StoreError::DiskFull => lang.text("failure-disk"),
        other => unforeseen(lang, &other.to_string()),
    }
}

fn recovery(lang: Lang, error: &RecoveryError) -> String {
    match error {
        RecoveryError::Words => lang.text("recovery-mistyped"),
        RecoveryError::WrongKey => lang.text("recovery-wrong"),
        RecoveryError::Malformed => lang.text("failure-identity-mismatch"),
        RecoveryError::UnsupportedVersion(_) => lang.text("failure-update-needed"),
    }
}

fn network(lang: Lang, error: &NetworkError) -> String {
    match error {
        NetworkError::Address(error) => address(lang, *error),
        NetworkError::Connect { hop: Hop::Server, fault } | NetworkError::Lost(fault) => link(lang, fault),
        NetworkError::Connect { hop: Hop::Proxy(proxy), fault } => {
            let filling = [("proxy", detail(proxy).into()), ("why", link(lang, fault).into())];
            lang.with("link-at-proxy", &filling)
        }
        NetworkError::Proxy { proxy, fault } => {
            let filling = [("proxy", detail(proxy).into()), ("why", at_proxy(lang, fault).into())];
            lang.with("link-at-proxy", &filling)
        }
        NetworkError::Certificate(untrusted) => match &untrusted.fault {
            CertificateFault::OtherKey { .. } => {
                let shown = lang.with("certificate-shown", &[("shown", untrusted.fingerprint.to_string().into())]);
                format!("{}; {shown}", certificate(lang, &untrusted.fault))
            }
            fault => certificate(lang, fault),
        },
        NetworkError::NotTls => lang.text("link-not-tls"),
        NetworkError::NotHttp => lang.text("link-not-http"),
        NetworkError::Between(Between { status, .. }) => lang.with("link-between", &[("status", (*status).into())]),
        NetworkError::Moved { to } => lang.with("link-moved", &[("to", detail(to).into())]),
        NetworkError::OnionWithoutProxy => lang.text("link-onion"),
        NetworkError::PinWithoutTls => lang.text("link-pin-without-tls"),
        other => detail(&other.to_string()),
    }
}

fn link(lang: Lang, fault: &LinkFault) -> String {
    match fault {
        LinkFault::UnknownName => lang.text("link-unknown-name"),
        LinkFault::NoNameService => lang.text("link-no-network"),
        LinkFault::Refused => lang.text("link-refused"),
        LinkFault::Unreachable => lang.text("link-no-network"),
        LinkFault::TimedOut => lang.text("link-timed-out"),
        LinkFault::Broken => lang.text("link-broken"),
        LinkFault::Other(text) => detail(text),
    }
}

fn at_proxy(lang: Lang, fault: &ProxyFault) -> String {
    match fault {
        ProxyFault::WantsPassword | ProxyFault::WrongPassword => lang.text("proxy-password"),
        ProxyFault::CannotReach(fault) => link(lang, fault),
        ProxyFault::Untrusted(fault) => certificate(lang, fault),
        ProxyFault::NoSuchOnion => lang.text("proxy-no-such-onion"),
        ProxyFault::Forbids(_) | ProxyFault::Answered(_) | ProxyFault::NotAProxy => lang.text("proxy-refuses"),
    }
}

fn certificate(lang: Lang, fault: &CertificateFault) -> String {
    match fault {
        CertificateFault::UnknownIssuer => lang.text("certificate-unknown-issuer"),
        CertificateFault::OtherName => lang.text("certificate-other-name"),
        CertificateFault::Expired | CertificateFault::NotYetValid => lang.text("certificate-expired"),
        CertificateFault::Revoked => lang.text("certificate-revoked"),
        CertificateFault::OtherKey { pinned } => {
            lang.with("certificate-other-key", &[("pinned", pinned.to_string().into())])
        }
        CertificateFault::OfCertificate => lang.text("certificate-not-of-key"),
        CertificateFault::Other(text) => detail(text),
    }
}
