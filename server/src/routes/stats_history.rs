//! Figures over time.

use axum::Json;
use axum::extract::State;
use privmsg_protocol::rest::{AdminRequest, StatsHistory, StatsPoint};
use serde::Deserialize;

use super::admin::Administrator;
use crate::admin::megabytes;
use crate::clock::Clock;
use crate::error::ApiError;
use crate::extract::Search;
use crate::sampler::INTERVAL;
use crate::storage::{Sample, SharedStorage};

/// Points in one answer: more than a chart can show.
const MAX_POINTS: i64 = 400;

const HOUR: i64 = 3600;

/// So far back every sample is there; before, there is one for each hour.
const FINE_HOURS: i64 = 48;

/// So long samples are kept.
const MAX_HOURS: i64 = 400 * 24;

#[derive(Deserialize)]
pub(super) struct HistoryQuery {
    hours: Option<i64>,
}

/// Figures over time
#[utoipa::path(
    get, path = "/admin/stats/history", tag = "administration",
    params(("hours" = Option<i64>, Query, description = "How far back; 24 without it")),
    request_body = Option<AdminRequest>,
    responses((status = OK, body = StatsHistory)),
    security(("admin" = [])),
)]
pub(super) async fn history(
    State(storage): State<SharedStorage>,
    State(clock): State<Clock>,
    Search(query): Search<HistoryQuery>,
    _: Administrator<AdminRequest>,
) -> Result<Json<StatsHistory>, ApiError> {
    let hours = query.hours.unwrap_or(24).clamp(1, MAX_HOURS);
    let interval = interval(hours);
    // From the first interval that begins within the time that was asked for.
    let since = (clock.now() - hours * HOUR).div_euclid(interval) * interval + interval;
    let samples = storage.samples(since, interval).await?;
    Ok(Json(StatsHistory {
        interval_seconds: interval.unsigned_abs(),
        points: samples.into_iter().map(point).collect(),
    }))
}

/// The shortest interval that leads to no more than [`MAX_POINTS`], and for which there are samples all the way.
const fn interval(hours: i64) -> i64 {
    let step = if hours <= FINE_HOURS { INTERVAL } else { HOUR };
    let seconds = hours * HOUR;
    let most = MAX_POINTS * step;
    (seconds + most - 1) / most * step
}

fn point(sample: Sample) -> StatsPoint {
    StatsPoint {
        at: sample.at,
        online_users: sample.online_users,
        pending_messages: sample.pending_messages,
        stored_files: sample.stored_files,
        storage_used_mb: megabytes(sample.stored_bytes),
        messages: sample.messages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_has_few_points_and_a_day_has_all() {
        assert_eq!((interval(1), interval(24), interval(48)), (300, 300, 600));
        assert_eq!((interval(168), interval(720), interval(MAX_HOURS)), (3600, 7200, 86_400));
        for hours in 1..=MAX_HOURS {
            assert!(hours * HOUR / interval(hours) <= MAX_POINTS);
        }
    }
}
