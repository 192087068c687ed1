//! Pages of lists: opaque tokens that fit only the list they came from.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tonic::Status;

use crate::store::Paging;

use super::status;

const DEFAULT: u32 = 100;
const MOST: u32 = 1_000;

/// Half of an HMAC-SHA-256: what stands before the place in a token.
const TAG: usize = 16;

/// Makes and checks page tokens.
pub struct Pages {
    key: hmac::Key,
}

impl Pages {
    /// `key` is this store's own: a token of another one is refused.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// What a list call asked for. `filter` is everything that narrows the list, the list's own name first.
    pub fn read(&self, filter: &[String], page_size: i32, page_token: &str) -> Result<Paging, Status> {
        let limit = match u32::try_from(page_size) {
            Ok(0) => DEFAULT,
            Ok(size) => size.min(MOST),
            Err(_) => {
                return Err(status::invalid(format!("page_size is {page_size}: use 1 to {MOST}, or 0 for {DEFAULT}")));
            }
        };
        if page_token.is_empty() {
            return Ok(Paging { limit, after: None });
        }
        let after = self.open(filter, page_token).ok_or_else(|| {
            status::invalid("this page_token does not belong to this list: send it with the same filter as before")
        })?;
        Ok(Paging { limit, after: Some(after) })
    }

    /// The token of the page that begins at `next`; empty at the end of the list.
    pub fn write(&self, filter: &[String], next: Option<&str>) -> String {
        let Some(next) = next else { return String::new() };
        let tag = hmac::sign(&self.key, &bound(filter, next.as_bytes()));
        URL_SAFE_NO_PAD.encode([&tag.as_ref()[..TAG], next.as_bytes()].concat())
    }

    fn open(&self, filter: &[String], token: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (tag, next) = bytes.split_at_checked(TAG)?;
        let expected = hmac::sign(&self.key, &bound(filter, next));
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..TAG], tag).ok()?;
        String::from_utf8(next.to_vec()).ok()
    }
}

/// Filter and place, each with its length before it: no two lists read the same.
fn bound(filter: &[String], next: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in filter.iter().map(|part| part.as_bytes()).chain([next]) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn sizes_have_a_default_and_a_bound() {
        let pages = Pages::new(&[7; 32]);
        let limit =
            |size| pages.read(&list(&["orders"]), size, "").map(|paging| paging.limit).map_err(|status| status.code());
        assert_eq!(limit(0), Ok(100));
        assert_eq!(limit(7), Ok(7));
        assert_eq!(limit(5_000), Ok(1_000));
        assert_eq!(limit(-1), Err(tonic::Code::InvalidArgument));
    }

    #[test]
    fn a_token_fits_only_its_own_list() {
        let pages = Pages::new(&[7; 32]);
        let token = pages.write(&list(&["orders", "shop", ""]), Some("checkout"));
        let read = |pages: &Pages, filter: &[&str], token: &str| {
            pages.read(&list(filter), 0, token).ok().and_then(|it| it.after)
        };
        assert_eq!(read(&pages, &["orders", "shop", ""], &token).as_deref(), Some("checkout"));
        assert_eq!(read(&pages, &["orders", "", "shop"], &token), None);
        assert_eq!(read(&pages, &["resources", "shop", ""], &token), None);
        assert_eq!(read(&Pages::new(&[8; 32]), &["orders", "shop", ""], &token), None);
        for bad in ["!", "AAAA", &token[1..], &format!("{token}AAAA")] {
            assert_eq!(read(&pages, &["orders", "shop", ""], bad), None, "{bad}");
        }
        assert_eq!(pages.write(&list(&["orders"]), None), "");
    }
}
