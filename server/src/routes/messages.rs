//! The mailbox for clients without a WebSocket.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privmsg_protocol::limits::{MAX_ACK_IDS, MAX_PENDING_PAGE};
use privmsg_protocol::rest::{AckRequest, PendingMessages};
use privmsg_protocol::{ErrorCode, MessageId};
use serde::Deserialize;

use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::{self, Search};
use crate::frame_text;
use crate::http::answer;
use crate::storage::{Page, PageLimit, Position, Session};

/// Bytes of messages in one answer, unless a single one is larger. With four times as much, somebody who lets hundreds of
/// answers be made and reads none held 60 MB more of the server's memory.
const PAGE_BYTES: usize = 1024 * 1024;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PendingQuery {
    /// Most messages in the answer: 1 to 500; without it, 500.
    limit: Option<usize>,
}

/// The oldest messages of this device's mailbox
#[utoipa::path(
    get, path = "/messages/pending", tag = "messages",
    params(PendingQuery),
    responses((status = OK, body = PendingMessages)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::RateLimited]))),
)]
pub(super) async fn pending(
    State(app): State<AppState>,
    session: Session,
    Search(query): Search<PendingQuery>,
) -> Result<Response, ApiError> {
    let limit =
        PageLimit { messages: query.limit.unwrap_or(MAX_PENDING_PAGE).clamp(1, MAX_PENDING_PAGE), bytes: PAGE_BYTES };
    let page = async {
        let newest = app.storage.mailbox_end(session.device).await?.map(|(_, message_id)| message_id);
        let page = app.storage.mailbox_page(session.device, Position::default(), limit).await?;
        Ok(render(&page, newest))
    };
    answer::made(&app, session.user, page).await
}

/// A [`PendingMessages`], put together from the stored text of its messages.
fn render(page: &Page, newest: Option<MessageId>) -> String {
    let mut text = String::from(r#"{"messages":["#);
    let payloads = page.deliveries.iter().filter_map(|delivery| frame_text::payload(&delivery.frame));
    for (index, payload) in payloads.enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(payload);
    }
    text.push_str(r#"],"has_more":"#);
    text.push_str(if page.has_more { "true" } else { "false" });
    if let Some(newest) = newest {
        text.push_str(&format!(r#","newest":"{newest}""#));
    }
    text.push('}');
    text
}

/// Messages are stored: the mailbox may forget them
#[utoipa::path(
    post, path = "/messages/ack", tag = "messages",
    request_body = AckRequest,
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::RateLimited]))),
)]
pub(super) async fn acknowledge(
    State(app): State<AppState>,
    session: Session,
    extract::Json(request): extract::Json<AckRequest>,
) -> Result<StatusCode, ApiError> {
    if request.message_ids.len() > MAX_ACK_IDS {
        return Err(ApiError::invalid("too many ids in one acknowledgement"));
    }
    app.allowances.ack(&session).map_err(ApiError::rate_limited)?;
    app.metrics.acknowledged(request.message_ids.len());
    app.storage.acknowledge(session.device, request.message_ids).await?;
    Ok(StatusCode::NO_CONTENT)
}
