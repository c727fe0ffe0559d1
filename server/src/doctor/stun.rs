//! What is said to the relay: STUN (RFC 8489) and TURN (RFC 8656), as a client says it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytecodec::{DecodeExt as _, EncodeExt as _};
use privmsg_protocol::rest::TurnCredentials;
use stun_codec::rfc5389::attributes::{ErrorCode, MessageIntegrity, Nonce, Realm, Username, XorMappedAddress};
use stun_codec::rfc5389::methods::BINDING;
use stun_codec::rfc5766::attributes::{Lifetime, RequestedTransport, XorPeerAddress, XorRelayAddress};
use stun_codec::rfc5766::methods::{ALLOCATE, CREATE_PERMISSION, REFRESH};
use stun_codec::rfc8656::attributes::{AddressFamily, RequestedAddressFamily};
use stun_codec::{
    Message, MessageClass, MessageDecoder, MessageEncoder, Method, TransactionId, define_attribute_enums,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::secrets::random_bytes;

define_attribute_enums!(
    Attribute,
    AttributeDecoder,
    AttributeEncoder,
    [
        ErrorCode,
        MessageIntegrity,
        Nonce,
        Realm,
        Username,
        XorMappedAddress,
        Lifetime,
        RequestedTransport,
        RequestedAddressFamily,
        XorPeerAddress,
        XorRelayAddress
    ]
);

/// Relayed packets are UDP (RFC 8656, section 18.7).
const UDP: u8 = 17;

/// Permissions are for addresses; the port is not looked at.
const PEER_PORT: u16 = 9;

/// The relay wants to know who asks.
const UNAUTHORIZED: u16 = 401;

/// The relay wants its newest nonce.
const STALE_NONCE: u16 = 438;

/// A packet may get lost: it is sent again after so long, and after twice and four times as long.
const RESEND: Duration = Duration::from_millis(300);
const SENDINGS: u32 = 4;

/// Longest message: its length has 16 bits.
const LONGEST: usize = 20 + u16::MAX as usize;

/// Why there is no relay.
#[derive(Debug, thiserror::Error)]
pub(super) enum StunError {
    #[error("no answer")]
    Silence,
    #[error("the connection broke")]
    Broken(#[source] std::io::Error),
    #[error("the answer is not STUN")]
    Foreign,
    /// Credentials that were made from the configured secret are not taken.
    #[error("the credentials are refused")]
    Refused,
    #[error("the relay refuses: {code} {reason}")]
    Error { code: u16, reason: String },
}

/// How messages get there.
pub(super) enum Line<S> {
    Packets(UdpSocket),
    Stream(S),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// Sends a request, and waits for its answer.
    async fn ask(&mut self, request: Message<Attribute>) -> Result<Message<Attribute>, StunError> {
        let id = request.transaction_id();
        let bytes = MessageEncoder::new().encode_into_bytes(request).map_err(|_| StunError::Foreign)?;
        match self {
            Self::Packets(socket) => {
                for sending in 0..SENDINGS {
                    socket.send(&bytes).await.map_err(refused_or_broken)?;
                    if let Ok(answer) = timeout(RESEND * 2_u32.pow(sending), packet(socket, id)).await {
                        return answer;
                    }
                }
                Err(StunError::Silence)
            }
            Self::Stream(stream) => {
                stream.write_all(&bytes).await.map_err(StunError::Broken)?;
                stream.flush().await.map_err(StunError::Broken)?;
                loop {
                    let answer = decoded(&framed(stream).await?)?;
                    if answer.transaction_id() == id {
                        return Ok(answer);
                    }
                }
            }
        }
    }
}

/// The packet with this id.
async fn packet(socket: &UdpSocket, id: TransactionId) -> Result<Message<Attribute>, StunError> {
    let mut buffer = vec![0; LONGEST];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(refused_or_broken)?;
        if let Ok(answer) = decoded(&buffer[..length])
            && answer.transaction_id() == id
        {
            return Ok(answer);
        }
    }
}

/// A UDP socket hears of a closed port as a refused connection.
fn refused_or_broken(error: std::io::Error) -> StunError {
    if error.kind() == std::io::ErrorKind::ConnectionRefused { StunError::Silence } else { StunError::Broken(error) }
}

/// One message out of a stream.
async fn framed(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, StunError> {
    let mut message = vec![0; 20];
    stream.read_exact(&mut message).await.map_err(StunError::Broken)?;
    let length = u16::from_be_bytes([message[2], message[3]]);
    message.resize(20 + usize::from(length), 0);
    stream.read_exact(&mut message[20..]).await.map_err(StunError::Broken)?;
    Ok(message)
}

fn decoded(bytes: &[u8]) -> Result<Message<Attribute>, StunError> {
    match MessageDecoder::<Attribute>::new().decode_from_bytes(bytes) {
        Ok(Ok(message)) => Ok(message),
        _ => Err(StunError::Foreign),
    }
}

/// Whatever a relay answers: asks for its address, has room allocated, and gives it back. Returns the address at which
/// the relay would have received for this client.
pub(super) async fn round_trip<S: AsyncRead + AsyncWrite + Unpin>(
    line: &mut Line<S>,
    credentials: &TurnCredentials,
) -> Result<SocketAddr, StunError> {
    let seen = line.ask(request(BINDING)).await?;
    if seen.class() != MessageClass::SuccessResponse {
        return Err(error_of(&seen));
    }
    let (relay, caller) = allocate(line, credentials, || with(request(ALLOCATE), RequestedTransport::new(UDP))).await?;
    give_back(line, &caller).await?;
    Ok(relay)
}

/// Has room allocated of the peers' family, and asks whether it may be used with each of them. Returns those with which it
/// may.
pub(super) async fn open_peers<S: AsyncRead + AsyncWrite + Unpin>(
    line: &mut Line<S>,
    credentials: &TurnCredentials,
    peers: &[IpAddr],
) -> Result<Vec<IpAddr>, StunError> {
    let is_ipv6 = peers.iter().any(IpAddr::is_ipv6);
    let wanted = || {
        let message = with(request(ALLOCATE), RequestedTransport::new(UDP));
        if is_ipv6 { with(message, RequestedAddressFamily::new(AddressFamily::V6)) } else { message }
    };
    let (_, caller) = allocate(line, credentials, wanted).await?;
    let mut open = Vec::new();
    for peer in peers {
        let asked = with(request(CREATE_PERMISSION), XorPeerAddress::new(SocketAddr::new(*peer, PEER_PORT)));
        let answer = line.ask(caller.sign(asked)?).await?;
        if answer.class() == MessageClass::SuccessResponse {
            open.push(*peer);
        }
    }
    give_back(line, &caller).await?;
    Ok(open)
}

/// Has room allocated. Returns the address of it, and who has it.
async fn allocate<S: AsyncRead + AsyncWrite + Unpin>(
    line: &mut Line<S>,
    credentials: &TurnCredentials,
    wanted: impl Fn() -> Message<Attribute>,
) -> Result<(SocketAddr, Caller), StunError> {
    let challenge = line.ask(wanted()).await?;
    let mut caller = Caller::of(&challenge, credentials)?;
    let mut allocated = line.ask(caller.sign(wanted())?).await?;
    if code(&allocated) == Some(STALE_NONCE) {
        caller = Caller::of(&allocated, credentials)?;
        allocated = line.ask(caller.sign(wanted())?).await?;
    }
    match allocated.class() {
        MessageClass::SuccessResponse => {
            let relay = allocated.get_attribute::<XorRelayAddress>().ok_or(StunError::Foreign)?.address();
            Ok((relay, caller))
        }
        _ if code(&allocated) == Some(UNAUTHORIZED) => Err(StunError::Refused),
        _ => Err(error_of(&allocated)),
    }
}

/// What is not given back is kept for ten minutes. That the relay works is certain already.
async fn give_back<S: AsyncRead + AsyncWrite + Unpin>(line: &mut Line<S>, caller: &Caller) -> Result<(), StunError> {
    let _ = line.ask(caller.sign(with(request(REFRESH), Lifetime::from_u32(0)))?).await;
    Ok(())
}

/// Who asks, in the words of this relay.
struct Caller {
    username: Username,
    realm: Realm,
    nonce: Nonce,
    password: String,
}

impl Caller {
    /// Takes realm and nonce out of the answer that asks for them.
    fn of(challenge: &Message<Attribute>, credentials: &TurnCredentials) -> Result<Self, StunError> {
        let (realm, nonce) = (challenge.get_attribute::<Realm>(), challenge.get_attribute::<Nonce>());
        let (Some(realm), Some(nonce)) = (realm, nonce) else { return Err(error_of(challenge)) };
        Ok(Self {
            username: Username::new(credentials.username.clone()).map_err(|_| StunError::Foreign)?,
            realm: realm.clone(),
            nonce: nonce.clone(),
            password: credentials.credential.expose().to_owned(),
        })
    }

    fn sign(&self, message: Message<Attribute>) -> Result<Message<Attribute>, StunError> {
        let message = with(with(with(message, self.username.clone()), self.realm.clone()), self.nonce.clone());
        let integrity =
            MessageIntegrity::new_long_term_credential(&message, &self.username, &self.realm, &self.password)
                .map_err(|_| StunError::Foreign)?;
        Ok(with(message, integrity))
    }
}

fn request(method: Method) -> Message<Attribute> {
    Message::new(MessageClass::Request, method, TransactionId::new(random_bytes()))
}

fn with(mut message: Message<Attribute>, attribute: impl Into<Attribute>) -> Message<Attribute> {
    message.add_attribute(attribute);
    message
}

fn code(message: &Message<Attribute>) -> Option<u16> {
    message.get_attribute::<ErrorCode>().map(ErrorCode::code)
}

fn error_of(message: &Message<Attribute>) -> StunError {
    match message.get_attribute::<ErrorCode>() {
        Some(error) => StunError::Error { code: error.code(), reason: error.reason_phrase().to_owned() },
        None => StunError::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::Secret;

    use super::*;

    fn credentials() -> TurnCredentials {
        TurnCredentials {
            urls: Vec::new(),
            username: "1:doctor".to_owned(),
            credential: Secret::new("password".to_owned()),
            credential_type: "password".to_owned(),
            ttl: 1,
        }
    }

    #[tokio::test]
    async fn whatever_comes_back_is_an_error_and_no_panic() {
        for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0; 64], &[0xff; 64], b"\x01\x01\0\0"] {
            let (mut far, near) = tokio::io::duplex(4096);
            far.write_all(answer).await.unwrap();
            far.shutdown().await.unwrap();
            let result = round_trip(&mut Line::Stream(near), &credentials()).await;
            assert!(matches!(result, Err(StunError::Foreign | StunError::Broken(_))), "{result:?}");
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_silent() {
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(closed).await.unwrap();
        let mut line: Line<tokio::net::TcpStream> = Line::Packets(socket);
        assert!(matches!(round_trip(&mut line, &credentials()).await, Err(StunError::Silence)));
    }
}
