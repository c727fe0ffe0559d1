//! The web console for administrators at `/admin/`: a page of hand-written HTML, CSS and ES modules in the binary.
//!
//! The page holds nothing that is secret, so anybody may fetch it. What it shows comes from the administration's API,
//! with the admin key that is typed into it. The key must not leak from there: nothing is loaded from elsewhere, no
//! script or style may stand in the markup, and the key is kept in the page's memory only.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use privmsg_protocol::ErrorCode;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;

/// A file of the page.
struct Asset {
    path: &'static str,
    media_type: &'static str,
    body: &'static [u8],
}

macro_rules! assets {
    ($($path:literal: $media_type:expr),* $(,)?) => {
        &[$(Asset { path: $path, media_type: $media_type, body: include_bytes!(concat!("assets/", $path)) }),*]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// What `/admin/` itself answers with.
const INDEX: &str = "index.html";

const ASSETS: &[Asset] = assets! {
    "index.html": HTML,
    "console.css": CSS,
    "icon.svg": SVG,
    "main.js": SCRIPT,
    "api.js": SCRIPT,
    "chart.js": SCRIPT,
    "dialogs.js": SCRIPT,
    "dom.js": SCRIPT,
    "history.js": SCRIPT,
    "i18n.js": SCRIPT,
    "idle.js": SCRIPT,
    "text/en.js": SCRIPT,
    "text/ru.js": SCRIPT,
    "views/audit.js": SCRIPT,
    "views/health.js": SCRIPT,
    "views/overview.js": SCRIPT,
    "views/sign-in.js": SCRIPT,
    "views/user.js": SCRIPT,
    "views/users.js": SCRIPT,
};

/// What the page may do: load its own files, talk to its own server, and show pictures that the API has given it. Trusted
/// types make it impossible to turn a text into markup, or into a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// Nothing of the device is of use to it, except for copying a key.
const PERMISSIONS: &str = "camera=(), clipboard-read=(), clipboard-write=(self), display-capture=(), geolocation=(), \
                           microphone=(), payment=(), publickey-credentials-get=(), usb=()";

const HEADERS: [(HeaderName, &str); 9] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
];

/// The files' names for caches, in the order of [`ASSETS`].
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let tag = |asset: &Asset| {
        let digest = Sha256::digest(asset.body);
        let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("\"{hex}\"")
    };
    ASSETS.iter().map(tag).collect()
});

/// The console's routes, with headers of their own.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        // Relative, so that it holds behind a proxy that adds a path.
        .route("/admin", get(async || (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "admin/")])))
        .route("/admin/", get(async |headers: HeaderMap| asset(INDEX, &headers)))
        .route("/admin/{*path}", get(async |Path(path): Path<String>, headers: HeaderMap| asset(&path, &headers)))
        .layer(map_response(protective_headers))
}

fn asset(path: &str, headers: &HeaderMap) -> Response {
    let Some((asset, tag)) = ASSETS.iter().zip(&*TAGS).find(|(asset, _)| asset.path == path) else {
        return ApiError::new(ErrorCode::NotFound, "the console has no such file").into_response();
    };
    // Asked about each time, so that an upgrade never mixes old files with new ones.
    let caching = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, "no-cache")];
    if is_known(tag, headers) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, asset.media_type)], asset.body).into_response()
}

/// Whether the browser has this very file already.
fn is_known(tag: &str, headers: &HeaderMap) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = given.flat_map(|list| list.split(',')).map(|item| item.trim().trim_start_matches("W/"));
    tags.any(|known| known == "*" || known == tag)
}

async fn protective_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.body.len()).sum();
        assert!(bytes < 88 * 1024, "{bytes} bytes");
    }

    /// Whoever opens the page must not be told on to anybody, and a policy is no use if the page needs exceptions.
    #[test]
    fn no_file_names_another_host_or_holds_inline_code() {
        for asset in ASSETS {
            let text = str::from_utf8(asset.body).unwrap();
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for forbidden in ["http://", "https://", "innerHTML", "eval(", "onclick=", "style=\"", "<style", "<script>"]
            {
                assert!(!text.contains(forbidden), "{} has {forbidden}", asset.path);
            }
        }
    }

    #[test]
    fn every_file_in_the_folder_is_served() {
        fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { files(&path, found) } else { found.push(path) }
            }
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/assets");
        let mut found = Vec::new();
        files(&folder, &mut found);
        let mut found: Vec<_> =
            found.iter().map(|path| path.strip_prefix(&folder).unwrap().to_str().unwrap()).collect();
        let mut served: Vec<_> = ASSETS.iter().map(|asset| asset.path).collect();
        found.sort_unstable();
        served.sort_unstable();
        assert_eq!(served, found);
    }

    #[test]
    fn a_browser_that_has_the_file_is_told_so() {
        let mut headers = HeaderMap::new();
        let first = asset(INDEX, &headers);
        assert_eq!(first.status(), StatusCode::OK);
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(asset(INDEX, &headers).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(asset("main.js", &headers).status(), StatusCode::OK);
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"old\""));
        assert_eq!(asset(INDEX, &headers).status(), StatusCode::OK);
    }
}
