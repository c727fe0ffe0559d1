//! Key packages: each handed out once, the last-resort one as often as needed, and none that is good for too short.

use std::collections::BTreeSet;

use privmsg_mls_public::{DevicePublicKey, Lifetime, leaf};
use privmsg_protocol::limits::MAX_KEY_PACKAGES;
use privmsg_protocol::rest::{
    ClaimOf, ClaimedKeyPackages, ClaimedOf, DeviceKeyPackage, KeyPackageStock, PublishKeyPackages,
};
use privmsg_protocol::{DeviceId, ErrorCode, Opaque, UserId};
use rusqlite::{Connection, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::row::parse;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{DeviceKey, Refusal, Result, Session, StorageError};

impl SqliteStorage {
    pub(crate) async fn publish_key_packages(
        &self,
        session: Session,
        packages: PublishKeyPackages,
    ) -> Result<KeyPackageStock> {
        let packages = Packages::read(packages);
        self.write(Touches::Data, move |tx| tx.publish_key_packages(&session, &packages)).await
    }

    pub(crate) async fn key_package_stock(&self, device: DeviceKey) -> Result<KeyPackageStock> {
        let now = self.clock.now();
        self.read(move |conn| stock(conn, device, now)).await
    }

    /// One key package of each device of the user but `asking`.
    pub(crate) async fn claim_key_packages(
        &self,
        asking: DeviceKey,
        user_id: UserId,
        only: Option<Vec<DeviceId>>,
    ) -> Result<ClaimedKeyPackages> {
        self.write(Touches::Data, move |tx| tx.claim_key_packages(asking, &user_id, only.as_deref())).await
    }

    /// The same of many users, each as by itself.
    pub(crate) async fn claim_many(&self, asking: DeviceKey, claims: Vec<ClaimOf>) -> Result<Vec<ClaimedOf>> {
        self.write(Touches::Data, move |tx| tx.claim_many(asking, claims)).await
    }
}

/// What is published.
struct Packages {
    once: Vec<Package>,
    last_resort: Option<Package>,
}

struct Package {
    body: Opaque,
    /// The device key that it is for.
    key: Option<DevicePublicKey>,
    /// Within which time it is handed out. `None`: never.
    good: Option<Lifetime>,
}

impl Packages {
    fn read(published: PublishKeyPackages) -> Self {
        Self {
            once: published.key_packages.into_iter().map(Package::read).collect(),
            last_resort: published.last_resort.map(Package::read),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Package> {
        self.once.iter().chain(&self.last_resort)
    }
}

impl Package {
    fn read(body: Opaque) -> Self {
        let bytes = body.decode().unwrap_or_default();
        // What is no key package is nothing that anybody could add a device by.
        let good = Lifetime::of_package(&bytes).map_or(Some(Lifetime::ALWAYS), Lifetime::to_be_claimed);
        Self { key: leaf::key_of_package(&bytes), good, body }
    }

    fn is_good(&self, now: i64) -> bool {
        self.good.is_some_and(|good| good.contains(now.try_into().unwrap_or(0)))
    }
}

fn stock(conn: &Connection, device: DeviceKey, now: i64) -> Result<KeyPackageStock> {
    conn.one(
        "SELECT count(*) FILTER (WHERE last_resort = 0), count(*) FILTER (WHERE last_resort = 1) > 0
         FROM key_package WHERE device = ?1 AND good_from <= ?2 AND ?2 < good_until",
        [device.0, now],
        |row| Ok(KeyPackageStock { count: row.get(0)?, last_resort: row.get(1)? }),
    )
}

impl Tx<'_> {
    fn publish_key_packages(&mut self, session: &Session, packages: &Packages) -> Result<KeyPackageStock> {
        let (device, now) = (session.device, self.now());
        self.require_signed_in(session)?;
        let own = self.device_key(device.0)?;
        // Nobody could add the device with one of these, and whoever tries would add nobody else either.
        if packages.all().filter_map(|package| package.key).any(|key| key.to_string() != own) {
            let detail = "a key package is under another key than the device has here";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        }
        if !packages.all().all(|package| package.is_good(now)) {
            let detail = "a key package has not begun a day ago, or is over too soon";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        }
        let before = stock(self.conn, device, now)?;
        if before.count + packages.once.len() as u64 > MAX_KEY_PACKAGES as u64 {
            return Err(
                Refusal::new(ErrorCode::InvalidRequest, "the stock would hold more key packages than allowed").into()
            );
        }
        self.store_key_packages(device, packages)?;
        let after = stock(self.conn, device, now)?;
        if before.count == 0 && !before.last_resort && (after.count > 0 || after.last_resort) {
            // The device can be added to its user's groups only from now on.
            self.announce(session)?;
        }
        Ok(after)
    }

    /// Stores them in place of those that are not handed out any more: there are never more than the stock has places.
    fn store_key_packages(&self, device: DeviceKey, packages: &Packages) -> Result<()> {
        self.conn.run(
            "DELETE FROM key_package WHERE device = ?1 AND NOT (good_from <= ?2 AND ?2 < good_until)",
            [device.0, self.now()],
        )?;
        for package in &packages.once {
            self.store_key_package(device, false, package)?;
        }
        if let Some(package) = &packages.last_resort {
            self.conn.run("DELETE FROM key_package WHERE device = ?1 AND last_resort = 1", [device.0])?;
            self.store_key_package(device, true, package)?;
        }
        Ok(())
    }

    fn store_key_package(&self, device: DeviceKey, last_resort: bool, package: &Package) -> Result<()> {
        let good = package.good.unwrap_or(Lifetime::ALWAYS);
        let time = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        self.conn.run(
            "INSERT INTO key_package (device, last_resort, good_from, good_until, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![device.0, last_resort, time(good.not_before), time(good.not_after), package.body.as_str()],
        )?;
        Ok(())
    }

    /// Tells the user's groups of which the device is no leaf that it can be added.
    fn announce(&mut self, session: &Session) -> Result<()> {
        let groups: BTreeSet<i64> = self.conn.all(
            "SELECT grp FROM grp_participant WHERE user = ?1
             AND grp NOT IN (SELECT grp FROM grp_leaf WHERE device = ?2)",
            [session.user.0, session.device.0],
            |row| row.get(0),
        )?;
        self.notify_all(&groups, session.user.0)
    }

    fn claim_key_packages(
        &mut self,
        asking: DeviceKey,
        user_id: &UserId,
        only: Option<&[DeviceId]>,
    ) -> Result<ClaimedKeyPackages> {
        let user = self.state.cache.account(self.conn, user_id)?;
        let user = user.ok_or(Refusal::new(ErrorCode::UnknownRecipient, "there is no such user"))?;
        let devices = self.signed_in(user)?;
        if devices.is_empty() {
            return Err(
                Refusal::new(ErrorCode::RecipientHasNoDevices, "the user has not signed in on any device yet").into()
            );
        }
        let mut claimed = Vec::new();
        for (device, device_id) in devices {
            let wanted = only.is_none_or(|only| only.contains(&device_id));
            if device == asking.0 || !wanted {
                continue;
            }
            if let Some(key_package) = self.claim(device)? {
                claimed.push(DeviceKeyPackage { device_id, key_package });
            }
        }
        Ok(ClaimedKeyPackages { key_packages: claimed })
    }

    fn claim_many(&mut self, asking: DeviceKey, claims: Vec<ClaimOf>) -> Result<Vec<ClaimedOf>> {
        let mut users = Vec::with_capacity(claims.len());
        for ClaimOf { user_id, device_ids } in claims {
            let (key_packages, refused) = match self.claim_key_packages(asking, &user_id, device_ids.as_deref()) {
                Ok(claimed) => (claimed.key_packages, None),
                Err(StorageError::Refused(refusal)) => (Vec::new(), Some(refusal.code)),
                Err(error) => return Err(error),
            };
            users.push(ClaimedOf { user_id, key_packages, refused });
        }
        Ok(users)
    }

    fn signed_in(&self, user: i64) -> Result<Vec<(i64, DeviceId)>> {
        self.conn.all("SELECT id, device_id FROM listed_device WHERE user = ?1 ORDER BY id", [user], |row| {
            Ok((row.get(0)?, parse(row, 1)?))
        })
    }

    /// The oldest of the stock that is still good, else the last resort.
    fn claim(&self, device: i64) -> Result<Option<Opaque>> {
        let found: Option<(i64, bool, String)> = self.conn.first(
            "SELECT id, last_resort, body FROM key_package
             WHERE device = ?1 AND good_from <= ?2 AND ?2 < good_until
             ORDER BY last_resort, id LIMIT 1",
            [device, self.now()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let Some((id, last_resort, body)) = found else {
            return Ok(None);
        };
        if !last_resort {
            self.conn.run("DELETE FROM key_package WHERE id = ?1", [id])?;
        }
        Ok(Some(Opaque::from_base64(body)))
    }
}
