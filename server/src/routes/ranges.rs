//! Which part of a file a request wants, and whether it wants it at all (RFC 9110, sections 13 and 14). A file never
//! changes, so its id is its strong validator.

use std::time::{Duration, SystemTime};

use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::{HeaderValue, Method};
use privmsg_protocol::FileId;

/// What can be told of a file without reading it.
pub(super) struct Validators {
    etag: String,
    /// In whole seconds, as HTTP tells times.
    modified: SystemTime,
}

/// What to answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    /// The bytes from the first up to the second, which is not one of them.
    Part(u64, u64),
    /// The client has it already.
    NotModified,
    /// The client wants another file than this.
    PreconditionFailed,
    /// The file has none of these bytes.
    Unsatisfiable,
}

impl Validators {
    pub(super) fn new(id: &FileId, modified: SystemTime) -> Self {
        let seconds = modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { etag: format!("\"{id}\""), modified: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) }
    }

    /// `ETag` and `Last-Modified`.
    pub(super) fn headers(&self) -> [(HeaderName, HeaderValue); 2] {
        let value = |text: &str| HeaderValue::from_str(text).expect("an id and a time are visible ASCII");
        [(header::ETAG, value(&self.etag)), (header::LAST_MODIFIED, value(&httpdate::fmt_http_date(self.modified)))]
    }

    /// Evaluates the conditions in the order of the standard, then the range.
    pub(super) fn evaluate(&self, method: &Method, headers: &HeaderMap, size: u64) -> Wanted {
        let date = |name| text(headers, name).and_then(|text| httpdate::parse_http_date(text).ok());
        if headers.contains_key(header::IF_MATCH) {
            if !self.is_named_by(headers, &header::IF_MATCH, true) {
                return Wanted::PreconditionFailed;
            }
        } else if date(&header::IF_UNMODIFIED_SINCE).is_some_and(|since| self.modified > since) {
            return Wanted::PreconditionFailed;
        }
        if headers.contains_key(header::IF_NONE_MATCH) {
            if self.is_named_by(headers, &header::IF_NONE_MATCH, false) {
                return Wanted::NotModified;
            }
        } else if date(&header::IF_MODIFIED_SINCE).is_some_and(|since| self.modified <= since) {
            return Wanted::NotModified;
        }
        if *method != Method::GET || !self.range_applies(headers) {
            return Wanted::Whole;
        }
        text(headers, &header::RANGE).map_or(Wanted::Whole, |range| part(range, size))
    }

    fn is_named_by(&self, headers: &HeaderMap, name: &HeaderName, strong: bool) -> bool {
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
            |tag| {
                let tag = tag.trim();
                let tag = if strong { tag } else { tag.strip_prefix("W/").unwrap_or(tag) };
                tag == "*" || tag == self.etag
            },
        )
    }

    /// `If-Range`: a part is of use only together with the parts that the client has.
    fn range_applies(&self, headers: &HeaderMap) -> bool {
        match text(headers, &header::IF_RANGE) {
            None => !headers.contains_key(header::IF_RANGE),
            Some(tag) if tag.starts_with('"') => tag == self.etag,
            Some(date) => httpdate::parse_http_date(date).is_ok_and(|date| date == self.modified),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// One range. What is not understood, and several ranges in one request, get the whole file, as the standard allows.
fn part(range: &str, size: u64) -> Wanted {
    let unit = range.get(..6).filter(|unit| unit.eq_ignore_ascii_case("bytes="));
    let Some((first, last)) = unit.and_then(|_| range[6..].trim().split_once('-')) else { return Wanted::Whole };
    let bounds = match (number(first), number(last)) {
        (None, None) | (Some(Err(())), _) | (_, Some(Err(()))) => return Wanted::Whole,
        (None, Some(Ok(suffix))) => (size.saturating_sub(suffix), size),
        (Some(Ok(first)), None) => (first, size),
        (Some(Ok(first)), Some(Ok(last))) if first <= last => (first, last.saturating_add(1).min(size)),
        (Some(Ok(_)), Some(Ok(_))) => return Wanted::Whole,
    };
    if bounds.0 < bounds.1 { Wanted::Part(bounds.0, bounds.1) } else { Wanted::Unsatisfiable }
}

/// `None` where there is nothing. A number too large to be counted is behind the end of every file.
fn number(text: &str) -> Option<Result<u64, ()>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Err(()));
    }
    Some(Ok(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood() {
        for (range, expected) in [
            ("bytes=0-0", Wanted::Part(0, 1)),
            ("bytes=2-5", Wanted::Part(2, 6)),
            ("Bytes= 2 - 5", Wanted::Part(2, 6)),
            ("bytes=8-", Wanted::Part(8, 10)),
            ("bytes=8-99", Wanted::Part(8, 10)),
            ("bytes=8-99999999999999999999999", Wanted::Part(8, 10)),
            ("bytes=-3", Wanted::Part(7, 10)),
            ("bytes=-30", Wanted::Part(0, 10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999999-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=5-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("байты=0-1", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Wanted::Unsatisfiable);
        assert_eq!(part("bytes=-5", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn conditions_come_before_the_range() {
        let id = FileId::new("abc").unwrap();
        let file = Validators::new(&id, SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_500));
        let (now, before) = ("Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2027 07:59:59 GMT");
        let wanted = |pairs: &[(HeaderName, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
            file.evaluate(&Method::GET, &pairs.collect(), 10)
        };
        let range = (header::RANGE, "bytes=1-2");
        let part = Wanted::Part(1, 3);
        assert_eq!(wanted(&[(header::IF_NONE_MATCH, "\"x\", W/\"abc\""), range.clone()]), Wanted::NotModified);
        assert_eq!(wanted(&[(header::IF_NONE_MATCH, "\"x\""), (header::IF_MODIFIED_SINCE, now)]), Wanted::Whole);
        assert_eq!(wanted(&[(header::IF_MODIFIED_SINCE, now)]), Wanted::NotModified);
        assert_eq!(wanted(&[(header::IF_MODIFIED_SINCE, before)]), Wanted::Whole);
        assert_eq!(wanted(&[(header::IF_MATCH, "W/\"abc\"")]), Wanted::PreconditionFailed);
        assert_eq!(wanted(&[(header::IF_MATCH, "*"), range.clone()]), part);
        assert_eq!(wanted(&[(header::IF_UNMODIFIED_SINCE, before)]), Wanted::PreconditionFailed);
        assert_eq!(wanted(&[(header::IF_RANGE, "\"abc\""), range.clone()]), part);
        assert_eq!(wanted(&[(header::IF_RANGE, "W/\"abc\""), range.clone()]), Wanted::Whole);
        assert_eq!(wanted(&[(header::IF_RANGE, now), range.clone()]), part);
        assert_eq!(wanted(&[(header::IF_RANGE, before), range.clone()]), Wanted::Whole);
        assert_eq!(wanted(&[(header::IF_RANGE, "\"other\""), range.clone()]), Wanted::Whole);
        let headers = HeaderMap::from_iter([(range.0, HeaderValue::from_static("bytes=1-2"))]);
        assert_eq!(file.evaluate(&Method::HEAD, &headers, 10), Wanted::Whole);
    }
}
