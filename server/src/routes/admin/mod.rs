//! Administration. The admin key comes in the body, as documented, or as `Authorization: Bearer`.

mod administrator;
mod figures;
mod invitations;
mod replacements;
mod users;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
pub(super) use administrator::Administrator;

/// The endpoints, for people who have not shown a key yet.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::show, users::remove))
        .routes(routes!(users::deactivate))
        .routes(routes!(users::reactivate))
        .routes(routes!(users::reset_key))
        .routes(routes!(invitations::make, invitations::withdraw))
        .routes(routes!(users::sign_out_device))
        .routes(routes!(replacements::pass, replacements::end))
        .routes(routes!(figures::audit))
        .routes(routes!(figures::stats))
        .routes(routes!(figures::doctor))
}
