//! Device lists: what is published, and what follows from it for the devices.

use privmsg_mls_public::{Device, DeviceList, ListNumber, PublishError, SigningKeyCertificate, check_published};
use privmsg_protocol::{ErrorCode, Opaque, UserId};
use rusqlite::{Connection, Row, params};

use super::accounts::unknown_user;
use super::devices::too_many_devices;
use super::engine::SqliteStorage;
use super::query::Query as _;
use super::sign_in::{Admission, Because};
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{
    DeviceKey, Enrolment, NewList, Refusal, Relisted, Result, Session, StorageError, StoredList, UserKey, not_listed,
};

impl SqliteStorage {
    pub(crate) async fn device_list(&self, user_id: UserId) -> Result<StoredList> {
        self.read(move |conn| device_list(conn, &user_id)).await
    }

    /// Puts a device list in place of the present one, and lets in and leaves out whom it says.
    pub(crate) async fn publish_list(&self, session: Session, list: NewList) -> Result<Relisted> {
        self.write(Touches::Structure, move |tx| tx.publish_list(&session, &list)).await
    }

    pub(crate) async fn link_reply(&self, device: DeviceKey) -> Result<Option<Opaque>> {
        self.read(move |conn| link_reply(conn, device)).await
    }
}

/// Seconds.
const DAY: i64 = 24 * 60 * 60;

pub(super) fn no_device_list() -> Refusal {
    Refusal::new(ErrorCode::NoDeviceList, "the account has no device list")
}

pub(super) fn device_list(conn: &Connection, user_id: &UserId) -> Result<StoredList> {
    let found =
        conn.first("SELECT certificate, device_list FROM account WHERE user_id = ?1", [user_id.as_str()], stored_list)?;
    let found = found.ok_or_else(unknown_user)?;
    if found.list.is_empty() { Err(no_device_list().into()) } else { Ok(found) }
}

fn stored_list(row: &Row<'_>) -> rusqlite::Result<StoredList> {
    Ok(StoredList { certificate: row.get(0)?, list: row.get(1)? })
}

/// Verified when it came, so it is the database that is damaged.
pub(super) fn damaged<E: std::error::Error + Send + Sync + 'static>(error: E) -> StorageError {
    StorageError::Engine(Box::new(error))
}

pub(super) fn read_list(stored: &StoredList) -> Result<DeviceList> {
    let certificate = SigningKeyCertificate::decode(&stored.certificate).map_err(damaged)?;
    DeviceList::decode(&stored.list, certificate).map_err(damaged)
}

pub(super) fn link_reply(conn: &Connection, device: DeviceKey) -> Result<Option<Opaque>> {
    let text: String = conn.one("SELECT link_reply FROM device WHERE id = ?1", [device.0], |row| row.get(0))?;
    Ok((!text.is_empty()).then(|| Opaque::from_base64(text)))
}

/// What a list does to devices that stand in none of its account's before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NewDevices {
    /// A name or key that is not free refuses the list.
    MustBeFree,
    /// It keeps the device out.
    WhereFree,
}

/// The device that brings a list.
pub(super) struct Publisher {
    /// With its key.
    pub(super) stands_in_it: bool,
    pub(super) waits: bool,
}

impl Tx<'_> {
    /// The account's list. It was verified when it came; one that cannot be read is a damaged database.
    pub(super) fn stored_list(&self, user: i64) -> Result<Option<DeviceList>> {
        let stored = self.conn.one("SELECT certificate, device_list FROM user WHERE id = ?1", [user], stored_list)?;
        if stored.list.is_empty() { Ok(None) } else { read_list(&stored).map(Some) }
    }

    /// Puts a list in place of the present one.
    fn publish_list(&mut self, session: &Session, new: &NewList) -> Result<Relisted> {
        let user = session.user.0;
        let before = self.stored_list(user)?.ok_or_else(no_device_list)?;
        if is_same(&before, &new.list) {
            return Ok(Relisted::default());
        }
        let published = self.published(user, new.list.number())?;
        let now = self.now().unsigned_abs();
        check_published(Some(&before), Some(&new.replaces), &new.list, &published, now).map_err(refusal)?;
        let is_next_generation = new.list.number().generation > before.number().generation;
        self.check_publisher(session, &new.list, is_next_generation)?;
        if let Some(stray) = new.enrolments.iter().find(|one| !new.list.has(&one.device_id, &one.device_key)) {
            let detail = format!("{} is enrolled and does not stand in the list", stray.device_id);
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        }
        check_size(&new.list, new.max_devices)?;
        let mut told = self.listed(user)?;
        let relisted = self.relist(session.user, Some(&before), &new.list, &new.enrolments, NewDevices::MustBeFree)?;
        self.note_removed_by(session, &relisted.signed_out)?;
        // Whoever has done it knows, and so does who has just come in.
        let still = self.listed(user)?;
        told.retain(|device| still.contains(device) && *device != session.device.0);
        self.post_account_sync(user, &told)?;
        Ok(relisted)
    }

    fn listed(&self, user: i64) -> Result<Vec<i64>> {
        self.conn.all("SELECT id FROM listed_device WHERE user = ?1", [user], |row| row.get(0))
    }

    /// A device that waits comes in by a higher generation only, which the identity has signed, and which it stands in.
    fn check_publisher(&self, session: &Session, list: &DeviceList, is_next_generation: bool) -> Result<()> {
        let Publisher { stands_in_it, waits } = self.publisher(session, list)?;
        if waits && !is_next_generation {
            return Err(not_listed().into());
        }
        if is_next_generation && !stands_in_it {
            let detail = "the device that begins a generation must stand in its list";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        }
        Ok(())
    }

    pub(super) fn publisher(&self, session: &Session, list: &DeviceList) -> Result<Publisher> {
        let found: Option<(String, Admission)> = self.conn.first(
            "SELECT public_key, waiting FROM device WHERE id = ?1 AND removed_at = 0",
            [session.device.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (key, admission) = found.ok_or_else(super::relay::signed_out)?;
        let stands_in_it = key.parse().is_ok_and(|key| list.has(&session.device_id, &key));
        Ok(Publisher { stands_in_it, waits: admission.waits() })
    }

    /// When lists of this generation came in the last day.
    fn published(&self, user: i64, number: ListNumber) -> Result<Vec<u64>> {
        self.conn.execute("DELETE FROM published_list WHERE user = ?1 AND at <= ?2", [user, self.now() - DAY])?;
        self.conn.all(
            "SELECT at FROM published_list WHERE user = ?1 AND generation = ?2",
            params![user, number.generation],
            |row| row.get(0).map(i64::unsigned_abs),
        )
    }

    /// Stores a list, lets in who stands in it, and leaves out who does not: signed out where a list of the same
    /// generation has them no more, waiting where they stand in none of this generation.
    pub(super) fn relist(
        &mut self,
        user: UserKey,
        before: Option<&DeviceList>,
        list: &DeviceList,
        enrolments: &[Enrolment],
        new_devices: NewDevices,
    ) -> Result<Relisted> {
        for device in list.devices() {
            let enrolment = enrolments.iter().find(|one| one.device_id == device.device_id);
            self.let_in(user, before, device, enrolment, new_devices)?;
        }
        let out = self.not_in(user, list)?;
        let same_generation = before.is_some_and(|before| before.number().generation == list.number().generation);
        let mut relisted = Relisted::default();
        self.store_list(user.0, list)?;
        if same_generation {
            self.sign_out(user.0, &out, Because::Account)?;
            relisted.signed_out = out.into_iter().map(DeviceKey).collect();
        } else if !out.is_empty() {
            let groups = self.groups_with(user.0, &out)?;
            for device in &out {
                self.conn.run(
                    "UPDATE device SET waiting = ?2, link_reply = '' WHERE id = ?1",
                    params![device, Admission::LeftOut],
                )?;
            }
            self.notify_all(&groups, user.0)?;
            relisted.waiting = out.into_iter().map(DeviceKey).collect();
        }
        Ok(relisted)
    }

    /// Makes a device of the list one of the account's that do not wait. One that stood in the list before and is not
    /// there any more was signed out, and stays so, whatever later lists say.
    fn let_in(
        &mut self,
        user: UserKey,
        before: Option<&DeviceList>,
        device: &Device,
        enrolment: Option<&Enrolment>,
        new_devices: NewDevices,
    ) -> Result<()> {
        let key = device.device_key.to_string();
        let known: Option<i64> = self.conn.first(
            "SELECT id FROM device WHERE user = ?1 AND device_id = ?2 AND public_key = ?3 AND removed_at = 0",
            params![user.0, device.device_id.as_str(), key],
            |row| row.get(0),
        )?;
        let id = match known {
            Some(id) => id,
            None if before.is_some_and(|before| before.has(&device.device_id, &device.device_key)) => return Ok(()),
            None => {
                let free =
                    self.check_not_removed(user, &key).and_then(|()| self.check_free(&device.device_id, user, &key));
                match free {
                    Ok(()) => {}
                    Err(StorageError::Refused(_)) if new_devices == NewDevices::WhereFree => return Ok(()),
                    Err(error) => return Err(error),
                }
                self.conn.run(
                    "INSERT INTO device (device_id, user, public_key, created_at) VALUES (?1, ?2, ?3, ?4)",
                    params![device.device_id.as_str(), user.0, key, self.now()],
                )?;
                self.conn.last_insert_rowid()
            }
        };
        self.describe(id, enrolment)
    }

    fn describe(&self, device: i64, enrolment: Option<&Enrolment>) -> Result<()> {
        self.conn
            .run("UPDATE device SET waiting = ?2, recovered = 0 WHERE id = ?1", params![device, Admission::Listed])?;
        let Some(enrolment) = enrolment else { return Ok(()) };
        let reply = enrolment.link_reply.as_ref().map_or("", Opaque::as_str);
        self.conn.run(
            "UPDATE device SET name = iif(?2 = '', name, ?2), type = iif(?3 = '', type, ?3),
                 link_reply = iif(?4 = '', link_reply, ?4) WHERE id = ?1",
            params![device, enrolment.device_name, enrolment.device_type, reply],
        )?;
        Ok(())
    }

    /// Devices of the user that do not wait and do not stand in the list.
    fn not_in(&self, user: UserKey, list: &DeviceList) -> Result<Vec<i64>> {
        let devices: Vec<(i64, String, String)> =
            self.conn.all("SELECT id, device_id, public_key FROM listed_device WHERE user = ?1", [user.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let stands = |id: &str, key: &str| {
            let mut all = list.devices().iter();
            all.any(|device| device.device_id.as_str() == id && device.device_key.to_string() == key)
        };
        Ok(devices.into_iter().filter(|(_, id, key)| !stands(id, key)).map(|(device, _, _)| device).collect())
    }

    fn store_list(&self, user: i64, list: &DeviceList) -> Result<()> {
        let certificate = list.certificate();
        self.conn.run(
            "UPDATE user SET public_key = ?2, certificate = ?3, device_list = ?4 WHERE id = ?1",
            params![user, certificate.identity_key().to_string(), certificate.encode(), list.encode()],
        )?;
        self.conn.run(
            "INSERT INTO published_list (user, generation, at) VALUES (?1, ?2, ?3)",
            params![user, list.number().generation, self.now()],
        )?;
        Ok(())
    }
}

pub(super) fn check_size(list: &DeviceList, max_devices: u32) -> Result<()> {
    if max_devices > 0 && list.devices().len() > max_devices as usize {
        return Err(too_many_devices(max_devices).into());
    }
    Ok(())
}

/// The same list and certificate, to the bit.
pub(super) fn is_same(one: &DeviceList, other: &DeviceList) -> bool {
    one.encode() == other.encode() && one.certificate().encode() == other.certificate().encode()
}

pub(super) fn refusal(error: PublishError) -> Refusal {
    match error {
        PublishError::OtherIdentity => {
            Refusal::new(ErrorCode::OtherIdentity, "the list is by another identity than the account's")
        }
        PublishError::Changed => {
            Refusal::new(ErrorCode::ListChanged, "the device list has changed; read it and make the next one")
        }
        PublishError::NotNewer => {
            Refusal::new(ErrorCode::ListNotNewer, "the number of the list is not higher than the present one's")
        }
        PublishError::Ahead => {
            Refusal::new(ErrorCode::ListAhead, "the number of the list is more than a day ahead of the server's clock")
        }
        PublishError::TooMany => Refusal::new(ErrorCode::TooManyLists, "too many device lists in one day"),
    }
}
