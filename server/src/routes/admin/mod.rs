//! Administration. The admin key comes in the body, as documented, or as `Authorization: Bearer`.

mod administrator;
mod figures;
mod invitations;
mod users;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::app::AppState;
pub(super) use administrator::Administrator;

/// The endpoints, for people who have not shown a key yet.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/admin/users", post(users::create).get(users::list))
        .route("/admin/users/{user_id}", get(users::show).delete(users::remove))
        .route("/admin/users/{user_id}/deactivate", post(users::deactivate))
        .route("/admin/users/{user_id}/reactivate", post(users::reactivate))
        .route("/admin/users/{user_id}/reset-key", post(users::reset_key))
        .route("/admin/users/{user_id}/invitation", post(invitations::make).delete(invitations::withdraw))
        .route("/admin/users/{user_id}/devices/{device_id}", delete(users::sign_out_device))
        .route("/admin/audit", get(figures::audit))
        .route("/admin/stats", get(figures::stats))
}
