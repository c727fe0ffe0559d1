//! What the writer remembers of the table `arrival`.

use std::collections::HashMap;

use rusqlite::Connection;

/// See the module.
pub(super) struct Arrivals {
    /// Rows of each device that has any.
    by_device: HashMap<i64, i64>,
    pub(super) rows: usize,
    /// No row is older; whatever is, has been filed.
    pub(super) first: i64,
}

impl Arrivals {
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut arrivals = Self { by_device: HashMap::new(), rows: 0, first: i64::MAX };
        let mut query = conn.prepare_cached("SELECT device, pos FROM arrival")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            arrivals.added(row.get(0)?, row.get(1)?);
        }
        Ok(arrivals)
    }

    pub(super) fn of(&self, device: i64) -> i64 {
        self.by_device.get(&device).copied().unwrap_or(0)
    }

    pub(super) fn added(&mut self, device: i64, position: i64) {
        *self.by_device.entry(device).or_insert(0) += 1;
        self.rows += 1;
        self.first = self.first.min(position);
    }

    pub(super) fn removed(&mut self, device: i64) {
        self.rows -= 1;
        if let Some(rows) = self.by_device.get_mut(&device) {
            *rows -= 1;
            if *rows == 0 {
                self.by_device.remove(&device);
            }
        }
    }
}
